//! `bin/activate`: for people; no engine sources it.
//!
//! Ours takes the place of venv's, which holds the path of the environment.
//! It runs the activation scripts of conda packages and sets the variables of
//! the conda environment.

use std::path::PathBuf;

use serde_json::Value;

use crate::entry::Group;
use crate::prefix::{Inventory, PrefixKind};

const SCRIPT: &str = include_str!("activate.sh");

pub(super) fn write(inventory: &mut Inventory) {
    let conda = matches!(inventory.prefix.kind, PrefixKind::Conda);
    let variables = if conda { variables(inventory) } else { Vec::new() };
    let prefix = if conda { "CONDA_PREFIX" } else { "VIRTUAL_ENV" };
    inventory.put_text("bin/activate", Group::Interpreter, script(prefix, &inventory.prefixes, &variables));
}

fn script(prefix: &str, roots: &[PathBuf], variables: &[(String, String)]) -> String {
    let export = |(name, value): &(String, String)| {
        ["export ", name, "=", &quoted(value, prefix, roots), "\n"].concat()
    };
    let exports: Vec<String> = variables.iter().map(export).collect();
    let names: Vec<String> = variables.iter().map(|(name, _)| name.clone() + " ").collect();
    SCRIPT
        .replace("@PREFIX@", prefix)
        .replace("@UNSET@", &names.concat())
        .replace("@EXPORT@", &exports.concat())
}

/// What `conda env config vars` has set and what packages set with
/// `etc/conda/env_vars.d`; the former wins. By name.
fn variables(inventory: &Inventory) -> Vec<(String, String)> {
    let root = &inventory.prefix.root;
    let read =
        |path: &str| -> Option<Value> { serde_json::from_slice(&fs_err::read(root.join(path)).ok()?).ok() };
    let mut all = std::collections::BTreeMap::new();
    let packages: Vec<String> =
        inventory.below("etc/conda/env_vars.d/").map(|entry| entry.path.clone()).collect();
    let of_packages = packages.iter().filter(|path| path.ends_with(".json")).filter_map(|path| read(path));
    let of_user = read("conda-meta/state").and_then(|state| state.get("env_vars").cloned());
    for value in of_packages.chain(of_user) {
        let Value::Object(variables) = value else { continue };
        for (name, value) in variables {
            if let Value::String(value) = value
                && is_name(&name)
            {
                all.insert(name, value);
            }
        }
    }
    all.into_iter().collect()
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The value as one word of the shell, with the prefix in it taken from the
/// variable.
fn quoted(value: &str, prefix: &str, roots: &[PathBuf]) -> String {
    let mut word = format!("'{}'", value.replace('\'', "'\\''"));
    let variable = format!("'\"${prefix}\"'");
    for root in roots.iter().filter_map(|root| root.to_str()) {
        let mut rest = word.as_str();
        let mut replaced = String::new();
        while let Some(at) = rest.find(root) {
            let (before, after) = (&rest[..at], &rest[at + root.len()..]);
            let whole = after.starts_with(['/', '\'', ':', ';', ' ', '"', ',']);
            replaced.push_str(before);
            replaced.push_str(if whole { &variable } else { root });
            rest = after;
        }
        replaced.push_str(rest);
        word = replaced;
    }
    word
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// Runs `commands` in bash with the script of an environment at a path
    /// that has a space in it.
    fn bash(variables: &[(String, String)], commands: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("my env");
        for folder in ["bin", "etc/conda/activate.d", "etc/conda/deactivate.d"] {
            fs_err::create_dir_all(root.join(folder)).unwrap();
        }
        fs_err::write(root.join("etc/conda/activate.d/a.sh"), "export HOOK=\"$CONDA_PREFIX/share\"\n")
            .unwrap();
        fs_err::write(root.join("etc/conda/deactivate.d/a.sh"), "unset HOOK\n").unwrap();
        fs_err::write(root.join("bin/activate"), script("CONDA_PREFIX", &["/old/env".into()], variables))
            .unwrap();
        let output = Command::new("bash")
            .args(["--norc", "-uec", commands])
            .current_dir(root.join("etc"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.replace(fs_err::canonicalize(&root).unwrap().to_str().unwrap(), "ENV").trim().to_owned()
    }

    #[test]
    fn it_finds_itself_and_runs_the_hooks() {
        let seen = bash(&[], ". ../bin/activate; echo \"$CONDA_PREFIX|$PATH|$HOOK\"");
        assert_eq!(seen, "ENV|ENV/bin:/usr/bin:/bin|ENV/share");
    }

    #[test]
    fn deactivate_leaves_everything_as_it_was() {
        let commands = "env | sort > ../a; . ../bin/activate; . ../bin/activate; deactivate; env | sort > ../b; diff ../a ../b; type deactivate || echo gone";
        let names = [("A_NAME".to_owned(), "x".to_owned())];
        assert_eq!(bash(&names, &format!("{{ {commands}; }} 2>/dev/null")), "gone");
    }

    #[test]
    fn variables_of_the_environment_are_set_with_its_new_path() {
        let variables = [("DATA".to_owned(), "/old/env/it's:/old/env2".to_owned())];
        assert_eq!(bash(&variables, ". ../bin/activate; echo \"$DATA\""), "ENV/it's:/old/env2");
    }

    #[test]
    fn another_shell_is_told_instead_of_left_half_activated() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("activate");
        fs_err::write(&path, script("VIRTUAL_ENV", &[], &[])).unwrap();
        if !Path::new("/bin/dash").exists() {
            return;
        }
        let output =
            Command::new("/bin/dash").arg("-c").arg(format!(". {}", path.display())).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("only bash and zsh"), "{output:?}");
    }
}
