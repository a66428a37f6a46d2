//! What is wrong with the files of conda packages.

use std::collections::BTreeMap;

use super::owners::Owners;
use crate::prefix::Inventory;
use crate::prefix::conda_meta::Record;
use crate::prefix::dist_info::Distribution;
use crate::prefix::walk::Found;

/// What is missing of each conda package and what another installer replaced
/// of it, a line per package. What is `found` is ordered by path.
pub(super) fn of_packages(owners: &Owners, inventory: &Inventory, found: &[Found]) -> Vec<String> {
    let is_present = |path: &str| found.binary_search_by(|item| (*item.path).cmp(path)).is_ok();
    let root = &inventory.prefix.root;
    let mut flaws: BTreeMap<usize, Flaws> = BTreeMap::new();
    for (path, (index, _)) in &owners.conda {
        if !inventory.filters.keeps(path) {
            continue;
        }
        if let Some(distribution) = owners.pip.get(path) {
            flaws.entry(*index).or_default().replaced_by(&owners.distributions[*distribution], path);
        } else if !is_present(path) && !is_bytecode(path) && !root.join(&**path).is_dir() {
            flaws.entry(*index).or_default().missing.push(path.to_string());
        }
    }
    flaws.into_iter().map(|(index, flaws)| flaws.line(&owners.records[index])).collect()
}

/// Of one package.
#[derive(Default)]
struct Flaws {
    missing: Vec<String>,
    replaced: BTreeMap<String, Vec<String>>,
}

impl Flaws {
    fn replaced_by(&mut self, distribution: &Distribution, path: &str) {
        let installer = distribution.installer.as_deref().unwrap_or("another installer");
        let by = format!("{} {} of {installer}", distribution.name, distribution.version);
        self.replaced.entry(by).or_default().push(path.to_owned());
    }

    fn line(mut self, record: &Record) -> String {
        let mut parts = Vec::new();
        for (by, mut paths) in self.replaced {
            parts.push(format!("{} replaced by {by} and kept as replaced", files(&mut paths)));
        }
        if !self.missing.is_empty() {
            parts.push(format!("{} missing and left out", files(&mut self.missing)));
        }
        format!("{} {}: {}", record.name, record.version, parts.join("; "))
    }
}

/// `2 files (a, b)`, with at most three names.
fn files(paths: &mut [String]) -> String {
    paths.sort();
    let count = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
    let more = if paths.len() > 3 { ", …" } else { "" };
    format!("{count} ({}{more})", paths[..paths.len().min(3)].join(", "))
}

fn is_bytecode(path: &str) -> bool {
    path.ends_with(".pyc")
}
