//! Which tools installed the packages of an environment.

use std::collections::BTreeMap;

use crate::artifact::Installer;
use crate::prefix::dist_info::Distribution;
use crate::prefix::{Prefix, PrefixKind};

/// The tools that installed packages, by name, with the versions that the
/// environment tells.
pub(super) fn installers(prefix: &Prefix, distributions: &[&Distribution]) -> Vec<Installer> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let maker = prefix.maker();
    let pip = distributions.iter().find(|distribution| distribution.name == "pip");
    for name in distributions.iter().filter_map(|distribution| distribution.installer.as_ref()) {
        let version = match (name.as_str(), &maker) {
            ("uv", Some(("uv", version))) => version.clone(),
            ("pip", _) => pip.map(|pip| pip.version.clone()),
            _ => None,
        };
        if !name.is_empty() {
            found.insert(name.clone(), version);
        }
    }
    if matches!(prefix.kind, PrefixKind::Conda) {
        found.extend(conda_installer(prefix));
    }
    found.into_iter().map(|(name, version)| Installer { name, version }).collect()
}

/// `conda` with its version as the history has it, or pixi by its notes.
fn conda_installer(prefix: &Prefix) -> Option<(String, Option<String>)> {
    let meta = prefix.root.join("conda-meta");
    if meta.join("pixi").exists() {
        return Some(("pixi".to_owned(), None));
    }
    let history = fs_err::read_to_string(meta.join("history")).ok()?;
    let version = history.lines().rev().find_map(|line| line.strip_prefix("# conda version:"))?;
    Some(("conda".to_owned(), Some(version.trim().to_owned())))
}
