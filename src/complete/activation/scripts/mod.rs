//! What the activation scripts of conda packages (`etc/conda/activate.d/*.sh`)
//! do to the environment.
//!
//! They run three times. The second run shows what changes from run to run and
//! so is no property of the environment; in the third, every variable that
//! they set has a value before, which shows what becomes of a user's own.
//! What a script finds out about the machine is recorded as it is.

mod evaluation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use super::Effect;
use super::shell::Shell;
use super::warning::Warning;
use crate::error::Result;
use crate::prefix::Inventory;
use evaluation::{Evaluation, Runs};

/// What scripts change.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By name, with the script that had the last word.
    pub variables: BTreeMap<String, (Effect, String)>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Evaluates the scripts with `declared` variables set.
///
/// # Errors
/// If the user interrupts, or there is no room for a temporary folder.
pub(super) fn evaluate(
    inventory: &Inventory,
    declared: &BTreeMap<String, String>,
    shell: Option<&Shell>,
) -> Result<Changes> {
    let mut changes = Changes::default();
    let scripts = names(inventory);
    if scripts.is_empty() {
        return Ok(changes);
    }
    let Some(shell) = shell else {
        changes.warnings.push(Warning::new(format!(
            "no bash or sh is on PATH to evaluate the activation scripts: what they set is left out: {}",
            scripts.join(", ")
        )));
        return Ok(changes);
    };
    let home = tempfile::Builder::new().prefix("envship-home-").tempdir()?;
    let evaluation = Evaluation { root: &inventory.prefix.root, home: home.path(), shell, scripts };
    let Some(runs) = evaluation.thrice(declared, &mut changes.warnings)? else { return Ok(changes) };
    // Many scripts keep the user's value in another variable, for deactivation.
    for name in runs.names().filter(|name| !runs.is_copy(name)) {
        let script = runs.author(name);
        match effect(&runs, name, home.path(), inventory) {
            Ok(effect) => {
                changes.variables.insert(name.clone(), (effect, script.to_owned()));
            }
            Err(fault) => changes
                .warnings
                .push(Warning::new(format!("`{name}`, which {script} sets, {fault} and is left out"))),
        }
    }
    Ok(changes)
}

/// The scripts in the order in which conda sources them.
fn names(inventory: &Inventory) -> Vec<String> {
    let scripts = inventory.below("etc/conda/activate.d/").map(|entry| &*entry.path);
    scripts.filter(|path| path.ends_with(".sh")).map(str::to_owned).collect()
}

/// What becomes of a variable, or why that is no property of the environment.
fn effect(runs: &Runs, name: &str, home: &Path, inventory: &Inventory) -> Result<Effect, &'static str> {
    if runs.varies(name) {
        return Err("has another value each time");
    }
    let effect = if name == "PATH" {
        Effect::of_path(runs.after(name), runs.before(name), inventory)
    } else {
        Effect::of_script(runs.after(name), runs.around(name), inventory)
    };
    let leaks = [Some(home.to_owned()), std::env::home_dir()].into_iter().flatten();
    if leaks.filter(|path| path.components().count() > 1).any(|path| effect.names(&path.to_string_lossy())) {
        return Err("names a folder of this machine");
    }
    Ok(effect)
}
