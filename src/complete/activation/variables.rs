//! The variables that an environment declares: what packages set with
//! `etc/conda/env_vars.d/*.json`, and what `variables:` of an
//! `environment.yml` and `conda env config vars` set, in `conda-meta/state`.
//! The latter win, as in conda.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::warning::Warning;
use crate::prefix::Inventory;

/// Where conda keeps those of the user.
const STATE: &str = "conda-meta/state";

/// What conda writes for a variable that `conda env config vars unset` took
/// out (`CONDA_ENV_VARS_UNSET_VAR`).
const UNSET: &str = "***unset***";

/// By name; what can't be a variable is told.
pub(super) fn declared(inventory: &Inventory, said: &mut Vec<Warning>) -> BTreeMap<String, String> {
    let packages = inventory.below("etc/conda/env_vars.d/").map(|entry| &*entry.path);
    let packages = packages.filter(|path| path.ends_with(".json"));
    let mut all = BTreeMap::new();
    for path in packages.chain([STATE]) {
        let variables = match read(&inventory.prefix.root.join(path), path) {
            Ok(variables) => variables,
            Err(warning) => {
                said.push(warning);
                continue;
            }
        };
        let author = if path == STATE { "`variables:` of the environment" } else { path };
        for (name, value) in variables {
            match text(&name, value) {
                Ok(value) if value == UNSET => {
                    all.remove(&name);
                }
                Ok(value) => {
                    all.insert(name, value);
                }
                Err(fault) => said.push(Warning::new(format!(
                    "`{}`, which {author} sets, {fault} and is left out",
                    name.escape_debug()
                ))),
            }
        }
    }
    all
}

/// The variables of a file, as they stand there; none if it isn't there.
fn read(file: &Path, path: &str) -> Result<Map<String, Value>, Warning> {
    let unreadable = |why: String| Warning {
        what: format!("{path} can't be read: the variables that it sets are left out"),
        why: Some(why),
    };
    let bytes = match fs_err::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let variables = if path == STATE { value.get("env_vars").cloned() } else { Some(value) };
    match variables {
        Some(Value::Object(variables)) => Ok(variables),
        None => Ok(Map::new()),
        Some(_) => Err(unreadable("variables and their values were expected".to_owned())),
    }
}

/// The value as conda would write it, or why there is none.
fn text(name: &str, value: Value) -> Result<String, &'static str> {
    if !is_name(name) {
        return Err("is no name that a shell takes");
    }
    match value {
        Value::String(text) if text.contains('\0') => Err("holds a NUL"),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("is neither a text nor a number"),
    }
}

/// Whether a shell takes it for the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Group;
    use crate::prefix::empty_inventory;

    /// The variables of these files, and what is told of the others.
    fn of(files: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let mut inventory = empty_inventory();
        folder.path().clone_into(&mut inventory.prefix.root);
        for (path, text) in files {
            fs_err::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs_err::write(folder.path().join(path), text).unwrap();
            inventory.put_text(path, Group::Loose, *text);
        }
        let mut said = Vec::new();
        let all = declared(&inventory, &mut said);
        let mut said: Vec<String> = said.into_iter().map(|warning| warning.what).collect();
        said.sort();
        (all.into_iter().collect(), said)
    }

    #[test]
    fn the_users_variables_win_over_those_of_packages() {
        let package = r#"{"A": "package", "B": "package", "C": "package"}"#;
        let user = r#"{"env_vars": {"B": "user", "C": "***unset***", "N": 1}}"#;
        let expected = [("A", "package"), ("B", "user"), ("N", "1")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (all, said) = of(&[("etc/conda/env_vars.d/a.json", package), (STATE, user)]);
        assert_eq!(all, expected);
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(of(&[(STATE, r#"{"version": 1}"#)]), (vec![], vec![]));
    }

    #[test]
    fn what_can_be_no_variable_is_named() {
        let package = r#"{"a b": "x", "A=B": "x", "": "x", "A\u0000": "x", "A": true}"#;
        let user = r#"{"env_vars": {"1": "x", "B": "a\u0000b", "C": "kept"}}"#;
        let (all, said) = of(&[("etc/conda/env_vars.d/a.json", package), (STATE, user)]);
        assert_eq!(all, [("C".to_owned(), "kept".to_owned())]);
        let package = "which etc/conda/env_vars.d/a.json sets,";
        let user = "which `variables:` of the environment sets,";
        let mut expected = [
            format!("`a b`, {package} is no name that a shell takes and is left out"),
            format!("`A=B`, {package} is no name that a shell takes and is left out"),
            format!("``, {package} is no name that a shell takes and is left out"),
            format!("`A\\0`, {package} is no name that a shell takes and is left out"),
            format!("`A`, {package} is neither a text nor a number and is left out"),
            format!("`1`, {user} is no name that a shell takes and is left out"),
            format!("`B`, {user} holds a NUL and is left out"),
        ];
        expected.sort();
        assert_eq!(said, expected);
    }

    #[test]
    fn a_broken_file_is_named_and_the_others_count() {
        for text in ["{", "[]"] {
            let (all, said) =
                of(&[("etc/conda/env_vars.d/a.json", text), (STATE, r#"{"env_vars": {"A": "1"}}"#)]);
            assert_eq!(all.len(), 1, "{text}");
            assert_eq!(
                said,
                ["etc/conda/env_vars.d/a.json can't be read: the variables that it sets are left out"]
            );
        }
    }
}
