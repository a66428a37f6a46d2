//! A module that `site` imports in every Python that starts in the
//! environment, by a `.pth` beside it, and that applies what was recorded.
//!
//! `site` runs lines of `.pth` files that begin with `import`, also with `-I`
//! and `-E`, but not with `-S`. The module finds the environment by its own
//! place, as `site` spells it: under the name by which the interpreter was
//! started, which for YARN is a link.

use super::certificates::{self, BUNDLES};
use super::{ActivateAs, Activation, Effect, Hook, data_paths};
use crate::entry::Group;
use crate::prefix::{Inventory, Python};

const MODULE: &str = include_str!("hook.py");
const NAME: &str = "_envship_activate";

/// Puts the hook where the environment's Python finds it.
pub(in crate::complete) fn write(inventory: &mut Inventory, activation: &Activation, hook: Hook) {
    let Some(folder) = inventory.prefix.python.as_ref().map(Python::site_packages) else { return };
    let (module, pth) = (format!("{folder}/{NAME}.py"), format!("{folder}/{NAME}.pth"));
    let wanted = |path: &String| inventory.filters.keeps(path);
    // A `.pth` without its module would be an error at every start.
    if hook == Hook::On && wanted(&module) && wanted(&pth) {
        inventory.put_text(&module, Group::Loose, text(activation));
        inventory.put_text(&pth, Group::Loose, format!("import {NAME}\n"));
    }
}

/// The variables that tell libraries where their files are.
fn library_variables() -> Vec<&'static str> {
    let mut names: Vec<&str> = data_paths::variables().chain(certificates::VARIABLES).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn text(activation: &Activation) -> String {
    let (mut set, mut join) = (Vec::new(), Vec::new());
    let (strangers, named) = match activation.activate_as {
        ActivateAs::Conda => (
            "(\n        (\"CONDA_PREFIX\", (\"CONDA_PREFIX\", \"CONDA_DEFAULT_ENV\", \"CONDA_PROMPT_MODIFIER\")),\n        (\"VIRTUAL_ENV\", (\"VIRTUAL_ENV\", \"VIRTUAL_ENV_PROMPT\")),\n    )",
            &["(\"CONDA_PREFIX\", prefix)", "(\"CONDA_DEFAULT_ENV\", prefix)"][..],
        ),
        // A virtual environment lies on top of a conda environment.
        ActivateAs::Venv => (
            "((\"VIRTUAL_ENV\", (\"VIRTUAL_ENV\", \"VIRTUAL_ENV_PROMPT\")), (\"CONDA_PREFIX\", ()))",
            &["(\"VIRTUAL_ENV\", here)"][..],
        ),
    };
    set.extend(named.iter().map(|row| (*row).to_owned()));
    for (name, (effect, _)) in &activation.variables {
        match effect {
            Effect::Set(value) => set.push(format!("(\"{name}\", {})", value.python())),
            Effect::Join(list) => join.push(format!(
                "(\"{name}\", \"{}\", {}, {}, {})",
                list.separator,
                list.alone.python(),
                list.before.python(),
                list.after.python()
            )),
        }
    }
    let lines = |rows: &[String], indent: usize| -> String {
        rows.iter().flat_map(|row| [" ".repeat(indent), row.clone(), ",\n".to_owned()]).collect()
    };
    let literals = |texts: &[&str]| -> Vec<String> {
        texts.iter().map(|text| serde_json::Value::from(*text).to_string()).collect()
    };
    let folders: Vec<&str> = activation.certificates.folders.iter().map(String::as_str).collect();
    let folders = literals(&folders).join(", ") + if folders.len() == 1 { "," } else { "" };
    MODULE
        .replace("@STRANGERS@", strangers)
        .replace("@LIBRARIES@", &format!("({})", literals(&library_variables()).join(", ")))
        .replace("@FOLDERS@", &format!("({folders})"))
        .replace("@BUNDLES@", &lines(&literals(&BUNDLES), 20))
        .replace("@SET@", &lines(&set, 8))
        .replace("@JOIN@", &lines(&join, 8))
}
