//! The variables that an environment declares: what packages set with
//! `etc/conda/env_vars.d/*.json`, and what `variables:` of an
//! `environment.yml` and `conda env config vars` set, in `conda-meta/state`.
//! The latter win, as in conda.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::prefix::Inventory;

/// What conda writes for a variable that `conda env config vars unset` took
/// out (`CONDA_ENV_VARS_UNSET_VAR`).
const UNSET: &str = "***unset***";

/// By name.
pub(super) fn declared(inventory: &Inventory) -> BTreeMap<String, String> {
    let root = &inventory.prefix.root;
    let read =
        |path: &str| -> Option<Value> { serde_json::from_slice(&fs_err::read(root.join(path)).ok()?).ok() };
    let packages: Vec<String> =
        inventory.below("etc/conda/env_vars.d/").map(|entry| entry.path.clone()).collect();
    let of_packages = packages.iter().filter(|path| path.ends_with(".json")).filter_map(|path| read(path));
    let of_user = read("conda-meta/state").and_then(|state| state.get("env_vars").cloned());
    let mut all = BTreeMap::new();
    for value in of_packages.chain(of_user) {
        let Value::Object(variables) = value else { continue };
        for (name, value) in variables.into_iter().filter(|(name, _)| is_name(name)) {
            match value {
                Value::String(value) if value == UNSET => all.remove(&name),
                Value::String(value) => all.insert(name, value),
                _ => None,
            };
        }
    }
    all
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

    #[test]
    fn the_users_variables_win_over_those_of_packages() {
        let folder = tempfile::tempdir().unwrap();
        let mut inventory = empty_inventory();
        folder.path().clone_into(&mut inventory.prefix.root);
        for (path, text) in [
            (
                "etc/conda/env_vars.d/a.json",
                r#"{"A": "package", "B": "package", "C": "package", "bad name": "x"}"#,
            ),
            ("conda-meta/state", r#"{"env_vars": {"B": "user", "C": "***unset***", "n": 1}}"#),
        ] {
            fs_err::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs_err::write(folder.path().join(path), text).unwrap();
            inventory.put_text(path, Group::Loose, text);
        }
        let expected = [("A", "package"), ("B", "user")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(declared(&inventory), expected.into());
    }
}
