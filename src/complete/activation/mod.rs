//! What activation sets, so that it can be in force without anybody who
//! sources `activate`.
//!
//! [`record`] evaluates once, where the environment is packed: the variables
//! that it declares, its activation scripts, and where its libraries find
//! their data. [`hook`] brings the result into every Python that starts on a
//! node, and `bin/activate` into shells.

pub(super) mod certificates;
mod data_paths;
mod early;
mod effect;
pub(super) mod hook;
mod scripts;
mod shell;
mod value;
mod variables;
mod warning;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) use effect::{Effect, List};
pub(super) use value::Value;

use crate::error::Result;
use crate::prefix::{Inventory, PrefixKind};
use crate::progress::Progress;
use certificates::Certificates;
use early::takes_effect;
use shell::Shell;

/// Whether the environment is in force in every Python that starts in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hook {
    #[default]
    On,
    Off,
}

/// What an environment tells to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ActivateAs {
    /// `CONDA_PREFIX` and `CONDA_DEFAULT_ENV` name it.
    Conda,
    /// `VIRTUAL_ENV` names it.
    Venv,
}

impl ActivateAs {
    /// What `activate` of the tool that made the environment would set.
    fn of(kind: &PrefixKind) -> Self {
        match kind {
            PrefixKind::Conda => ActivateAs::Conda,
            PrefixKind::Venv(_) | PrefixKind::Standalone => ActivateAs::Venv,
        }
    }

    /// The variable that names the environment.
    pub(super) fn variable(self) -> &'static str {
        match self {
            ActivateAs::Conda => "CONDA_PREFIX",
            ActivateAs::Venv => "VIRTUAL_ENV",
        }
    }
}

/// Who says what a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `variables:`, or a package's JSON.
    Declared,
    /// A script of a package.
    Script,
    /// The table of [`data_paths`].
    DataPath,
}

/// All that activation sets but the name of the environment itself.
#[derive(Clone, Debug)]
pub(super) struct Activation {
    pub activate_as: ActivateAs,
    /// By name; `PATH` is always among them.
    pub variables: BTreeMap<String, (Effect, Origin)>,
    /// As it is declared, whatever scripts make of it; without `PATH`.
    pub declared: BTreeMap<String, Value>,
    /// What `PATH` begins with before scripts run.
    pub path: Value,
    pub certificates: Certificates,
}

/// Evaluates what activation does, and tells what can't be done on a node.
///
/// # Errors
/// If a file can't be read, or the user interrupts.
pub(super) fn record(
    inventory: &mut Inventory,
    activate_as: Option<ActivateAs>,
    progress: &dyn Progress,
) -> Result<Activation> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let shell = Shell::find(&folders);
    let conda = matches!(inventory.prefix.kind, PrefixKind::Conda);
    let mut said = Vec::new();
    let mut declared = if conda { variables::declared(inventory, &mut said) } else { BTreeMap::new() };
    let folders = declared.remove("PATH").unwrap_or_default();
    let mut changes = if conda {
        scripts::evaluate(inventory, &declared, shell.as_ref())?
    } else {
        scripts::Changes::default()
    };
    said.append(&mut changes.warnings);
    let (path, list) = search_path(&folders, changes.variables.remove("PATH"), &inventory.prefixes);
    let declared: BTreeMap<String, Value> =
        declared.into_iter().map(|(name, text)| (name, Value::new(&text, &inventory.prefixes))).collect();
    let mut variables = BTreeMap::new();
    for (name, value) in &declared {
        if takes_effect(name, "the environment", &mut said) {
            variables.insert(name.clone(), (Effect::Set(value.clone()), Origin::Declared));
        }
    }
    for (name, (effect, script)) in changes.variables {
        if takes_effect(&name, &script, &mut said) {
            variables.insert(name, (effect, Origin::Script));
        }
    }
    for (name, effect) in data_paths::find(inventory) {
        variables.entry(name.to_owned()).or_insert((effect, Origin::DataPath));
    }
    variables.insert("PATH".to_owned(), list);
    let certificates = certificates::find(inventory)?;
    for warning in said {
        progress.warn(&warning.to_string());
        inventory.remarks.push(warning.what);
    }
    let activate_as = activate_as.unwrap_or_else(|| ActivateAs::of(&inventory.prefix.kind));
    Ok(Activation { activate_as, variables, declared, path, certificates })
}

/// What `PATH` begins with before scripts run, and what becomes of it: the
/// environment's `bin` comes first whatever is declared, then what is.
fn search_path(
    declared: &str,
    changed: Option<(Effect, String)>,
    prefixes: &[PathBuf],
) -> (Value, (Effect, Origin)) {
    let is_own = |folder: &&str| prefixes.iter().any(|prefix| Path::new(folder) == prefix.join("bin"));
    let folders: Vec<&str> =
        declared.split(':').filter(|folder| !folder.is_empty() && !is_own(folder)).collect();
    let declared = Value::new(&folders.join(":"), prefixes);
    let bin = Value::below("bin");
    let list = match changed {
        Some((Effect::Join(list), _)) => List::of_items(list.before.and(':', &declared), list.after),
        _ => List::of_items(bin.and(':', &declared), Value::new("", &[])),
    };
    (bin.and(':', &declared), (Effect::Join(list), Origin::Script))
}
