//! What a system offers, against what an environment needs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::needs::{parse, show};
use super::report::Report;
use crate::baseline::System;

/// A package, a kind of version, and a version.
type Row<'a> = (Option<&'a str>, &'a str, Reverse<Vec<u32>>);

/// Something that the system doesn't have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmet {
    /// `GLIBC_2.34`
    pub version: String,
    pub package: Option<String>,
    /// That need it.
    pub files: Vec<String>,
}

/// The needs of an environment that a system doesn't meet: of each file the
/// newest version, from which its others follow; newest first in a package.
#[must_use]
pub fn unmet(report: &Report, system: &System) -> Vec<Unmet> {
    let mut newest: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    for (version, path) in report.versions.iter().filter(|(version, _)| !offers(report, system, version)) {
        let Some((kind, numbers)) = version.split_once('_') else { continue };
        let highest = newest.entry((path, kind)).or_default();
        *highest = std::mem::take(highest).max(parse(numbers).unwrap_or_default());
    }
    let mut rows: BTreeMap<Row<'_>, Vec<String>> = BTreeMap::new();
    for ((path, kind), numbers) in newest {
        let package = report.owners.get(path).map(String::as_str);
        rows.entry((package, kind, Reverse(numbers))).or_default().push(path.to_owned());
    }
    let unmet = |((package, kind, Reverse(numbers)), files): (Row<'_>, Vec<String>)| Unmet {
        version: format!("{kind}_{}", show(&numbers)),
        package: package.map(str::to_owned),
        files,
    };
    rows.into_iter().map(unmet).collect()
}

fn offers(report: &Report, system: &System, version: &str) -> bool {
    let offered =
        |numbers: &str, highest: &[u32]| parse(numbers).is_none_or(|needed| needed.as_slice() <= highest);
    if let Some(numbers) = version.strip_prefix("GLIBC_") {
        return offered(numbers, &[system.glibc.major, system.glibc.minor, u32::MAX]);
    }
    match (version.strip_prefix("GLIBCXX_"), system.libstdcxx, &report.libstdcxx) {
        // An environment with a libstdc++ of its own asks for none.
        (Some(numbers), Some(patch), Some(_)) => offered(numbers, &[3, 4, patch]),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Inspection;

    fn report(versions: &[(&str, &str)]) -> Report {
        let mut report = Inspection::default().report(0);
        report.versions =
            versions.iter().map(|(version, path)| ((*version).to_owned(), (*path).to_owned())).collect();
        report.libstdcxx = Some(crate::inspect::Floor { version: "3.4.21".to_owned(), files: Vec::new() });
        report
    }

    #[test]
    fn every_file_is_told_with_the_newest_version_that_it_needs() {
        let needs = [("GLIBC_2.28", "a"), ("GLIBC_2.34", "b"), ("GLIBC_2.2.5", "a"), ("GLIBCXX_3.4.21", "a")];
        let found = unmet(&report(&needs), &"centos7".parse().unwrap());
        let versions: Vec<_> = found.iter().map(|unmet| (unmet.version.as_str(), &unmet.files[..])).collect();
        assert_eq!(
            versions,
            [
                ("GLIBC_2.34", &["b".to_owned()][..]),
                ("GLIBC_2.28", &["a".to_owned()]),
                ("GLIBCXX_3.4.21", &["a".to_owned()])
            ]
        );
    }

    #[test]
    fn what_the_system_has_is_enough() {
        let needs = [("GLIBC_2.28", "a"), ("GLIBC_2.2.5", "a"), ("GLIBCXX_3.4.25", "a")];
        assert_eq!(unmet(&report(&needs), &"rhel8".parse().unwrap()), []);
        // A bare version says nothing of libstdc++.
        assert_eq!(unmet(&report(&needs), &"2.28".parse().unwrap()), []);
    }
}
