//! `bin/activate` and its like: for people; no engine sources them.
//!
//! Ours take the place of venv's, which hold the path of the environment. They
//! set what the hook would set, and leave its mark, so that a Python finds
//! nothing to do. A shell also runs those activation scripts of packages that
//! are in its language, as conda does, since it can take functions and aliases
//! from them. Only for bash and zsh has every package one: the other shells get
//! what those scripts were seen to set.

mod bash;
mod csh;
mod fish;
#[cfg(test)]
mod tests;

use super::activation::{ActivateAs, Activation, Effect, List, Origin, Value};
use crate::entry::Group;
use crate::prefix::Inventory;

/// Writes those of all shells that can know where a script lies.
pub(super) fn write(inventory: &mut Inventory, activation: &Activation) {
    for (path, text) in [
        ("bin/activate", bash::activate(activation)),
        ("bin/activate.fish", fish::activate(activation)),
        ("bin/activate.csh", csh::activate(activation)),
        // A csh has no functions.
        ("bin/deactivate.csh", csh::deactivate(activation)),
    ] {
        inventory.put_text(path, Group::Interpreter, text);
    }
}

/// What a shell does about a variable.
enum Step<'a> {
    /// It is set, whatever it was.
    Put(&'a Value),
    /// It is set unless the user has set it.
    Fill(&'a Value),
    /// It is joined with what the user has set.
    Join(&'a List),
}

/// All variables but the one that names the environment, for a shell that
/// can't run the scripts of every package.
fn steps(activation: &Activation) -> Vec<(&str, Step<'_>)> {
    let Activation { variables, declared, .. } = activation;
    let recorded = variables.iter().map(|(name, (effect, origin))| {
        let step = match effect {
            // A script that runs would overwrite it, too.
            Effect::Set(value) if *origin != Origin::DataPath && declared.contains_key(name) => {
                Step::Put(value)
            }
            Effect::Set(value) => Step::Fill(value),
            Effect::Join(list) => Step::Join(list),
        };
        (name.as_str(), step)
    });
    // What a running Python can't set, a shell can.
    let others = declared.iter().filter(|(name, _)| !variables.contains_key(*name));
    let others = others.map(|(name, value)| (name.as_str(), Step::Put(value)));
    others.chain(recorded).collect()
}

/// The names that conda gives to an environment besides its path.
fn also_named(activate_as: ActivateAs) -> &'static [&'static str] {
    match activate_as {
        // As conda calls an environment that has no name.
        ActivateAs::Conda => &["CONDA_DEFAULT_ENV"],
        ActivateAs::Venv => &[],
    }
}
