//! What is told of an environment: plain data, for tables and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{File, Inspection};
use crate::artifact::{Format, Installer, Manifest, PackageKind, PythonInfo, Reason};

/// What is in an environment, and what it asks of a node.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// A directory for one that isn't packed.
    pub format: Option<Format>,
    /// Of the archive, in bytes.
    pub archive_size: Option<u64>,
    /// The version of envship that packed it.
    pub envship: Option<String>,
    /// As conda names it.
    pub platform: Option<String>,
    pub python: Option<PythonInfo>,
    pub installers: Vec<Installer>,
    pub total: Sizes,
    /// Largest first. What belongs to no package is not among them.
    pub packages: Vec<PackageSize>,
    /// Of what belongs to no package.
    pub loose: Sizes,
    /// Largest first.
    pub largest_files: Vec<FileSize>,
    /// Largest waste first.
    pub duplicates: Vec<Duplicate>,
    /// The lowest glibc on which all files load.
    pub glibc: Option<Floor>,
    /// The lowest libstdc++ (`GLIBCXX_…`) that the node has to have, if the
    /// environment brings none.
    pub libstdcxx: Option<Floor>,
    /// The level of x86-64 that some files need, where they tell.
    pub cpu: Option<Floor>,
    pub cuda: Vec<Cuda>,
    /// Programs and libraries that are damaged or for another processor.
    pub unloadable: Vec<Unloadable>,
    /// Libraries that the node has to have.
    pub outside: Vec<Library>,
    /// Places that hold a path until `envship unpack` writes the real one, by
    /// their kind.
    pub placeholders: BTreeMap<String, usize>,
    /// The files that hold them, and why.
    pub leftovers: Vec<Leftover>,
    pub remarks: Vec<String>,
    /// `GLIBC_2.28` and `GLIBCXX_3.4.20` with the files that need them.
    #[serde(skip)]
    pub(super) versions: Vec<(String, String)>,
    #[serde(skip)]
    pub(super) owners: BTreeMap<String, String>,
}

/// In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub files: usize,
    pub size: u64,
    /// What it takes in the archive, if it lies in one.
    pub packed: Option<u64>,
}

/// A package and what it takes.
#[derive(Clone, Debug, Serialize)]
pub struct PackageSize {
    pub name: String,
    pub version: String,
    pub kind: PackageKind,
    #[serde(flatten)]
    pub sizes: Sizes,
}

/// A file and what it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSize {
    pub path: String,
    /// In bytes.
    pub size: u64,
    pub packed: Option<u64>,
    pub package: Option<String>,
}

/// Files of the same content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Of each, in bytes.
    pub size: u64,
    pub paths: Vec<String>,
}

/// The lowest version that will do, and the files that need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Floor {
    pub version: String,
    pub files: Vec<String>,
}

/// A library that is looked for on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Library {
    pub name: String,
    pub needed_by: Vec<String>,
}

/// A program or library that can't be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unloadable {
    pub path: String,
    pub reason: String,
}

/// A library for graphics cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cuda {
    pub name: String,
    /// Otherwise the node has to have it.
    pub inside: bool,
}

/// A file that holds a path until `envship unpack` writes the real one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    pub path: String,
    pub places: usize,
    /// Nothing in archives of versions that didn't tell.
    pub reason: Option<Reason>,
}

/// Below this a duplicate is no waste worth a line.
const SMALL: u64 = 4096;

pub(super) fn report(inspection: Inspection, longest: usize) -> Report {
    let Inspection { manifest, files, owners, needs } = inspection;
    let (owners, known) = owners.finish();
    let (mut by_package, mut loose, mut total) =
        (BTreeMap::<&str, Sizes>::new(), Sizes::default(), Sizes::default());
    for (path, file) in &files {
        total.add(file);
        match owners.get(path) {
            Some(owner) => by_package.entry(owner).or_default().add(file),
            None => loose.add(file),
        }
    }
    let mut packages: Vec<PackageSize> = known
        .iter()
        .map(|(key, package)| PackageSize {
            name: package.name.clone(),
            version: package.version.clone(),
            kind: package.kind,
            sizes: by_package.get(key.as_str()).copied().unwrap_or_default(),
        })
        .collect();
    packages.sort_by(|a, b| (b.sizes.size, &a.name).cmp(&(a.sizes.size, &b.name)));
    let platform = platform(manifest.as_ref(), needs.platform());
    let unloadable = needs.unloadable(platform.as_deref());
    Report {
        format: None,
        archive_size: None,
        envship: manifest.as_ref().map(|manifest| manifest.envship.clone()),
        python: manifest.as_ref().and_then(|manifest| manifest.python.clone()),
        platform,
        installers: manifest.as_ref().map(|manifest| manifest.installers.clone()).unwrap_or_default(),
        total,
        packages,
        loose,
        largest_files: largest(&files, &owners, longest),
        duplicates: duplicates(&files, longest),
        glibc: needs.floor("GLIBC"),
        libstdcxx: needs.floor("GLIBCXX"),
        cpu: needs.level(),
        cuda: needs.cuda(),
        unloadable,
        outside: needs.outside(),
        placeholders: placeholders(manifest.as_ref()),
        leftovers: leftovers(manifest.as_ref()),
        remarks: manifest.map(|manifest| manifest.remarks).unwrap_or_default(),
        versions: needs.versions().to_vec(),
        owners,
    }
}

impl Sizes {
    fn add(&mut self, file: &File) {
        self.files += 1;
        self.size += file.size;
        if let Some(packed) = file.packed {
            *self.packed.get_or_insert(0) += packed;
        }
    }
}

fn platform(manifest: Option<&Manifest>, of_files: Option<&str>) -> Option<String> {
    manifest.map(|manifest| manifest.platform.clone()).or_else(|| of_files.map(str::to_owned))
}

fn largest(
    files: &BTreeMap<String, File>,
    owners: &BTreeMap<String, String>,
    longest: usize,
) -> Vec<FileSize> {
    let mut all: Vec<FileSize> = files
        .iter()
        .map(|(path, file)| FileSize {
            path: path.clone(),
            size: file.size,
            packed: file.packed,
            package: owners.get(path).cloned(),
        })
        .collect();
    all.sort_by(|a, b| (b.size, &a.path).cmp(&(a.size, &b.path)));
    all.truncate(longest);
    all
}

fn duplicates(files: &BTreeMap<String, File>, longest: usize) -> Vec<Duplicate> {
    let mut same: BTreeMap<[u8; 32], Duplicate> = BTreeMap::new();
    for (path, file) in files.iter().filter(|(_, file)| file.size >= SMALL) {
        let duplicate = same.entry(file.sha256).or_insert(Duplicate { size: file.size, paths: Vec::new() });
        duplicate.paths.push(path.clone());
    }
    let mut all: Vec<Duplicate> = same.into_values().filter(|duplicate| duplicate.paths.len() > 1).collect();
    let waste = |duplicate: &Duplicate| duplicate.size * (duplicate.paths.len() as u64 - 1);
    all.sort_by(|a, b| (waste(b), &a.paths).cmp(&(waste(a), &b.paths)));
    all.truncate(longest);
    all
}

fn placeholders(manifest: Option<&Manifest>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for placeholder in manifest.iter().flat_map(|manifest| &manifest.placeholders) {
        let kind =
            serde_json::to_value(placeholder.kind).ok().and_then(|kind| Some(kind.as_str()?.to_owned()));
        *counts.entry(kind.unwrap_or_default()).or_default() += 1;
    }
    counts
}

fn leftovers(manifest: Option<&Manifest>) -> Vec<Leftover> {
    let mut places = BTreeMap::<&str, usize>::new();
    for placeholder in manifest.iter().flat_map(|manifest| &manifest.placeholders) {
        *places.entry(&placeholder.path).or_default() += 1;
    }
    let reason = |path: &str| manifest?.reasons.get(path).copied();
    let leftover =
        |(path, places): (&str, usize)| Leftover { path: path.to_owned(), places, reason: reason(path) };
    places.into_iter().map(leftover).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_to_packages_and_the_rest_is_loose() {
        let mut inspection = Inspection::default();
        let mut show = |path: &str, text: &str| inspection.file(path, &mut text.as_bytes()).unwrap();
        let site = "lib/python3.11/site-packages";
        let big = "x".repeat(5000);
        show(&format!("{site}/a.py"), &big);
        show(&format!("{site}/copy.py"), &big);
        show(&format!("{site}/a-1.dist-info/METADATA"), "Name: a\nVersion: 1\n\n");
        show(&format!("{site}/a-1.dist-info/RECORD"), "a.py,,\n");
        inspection.packed(&format!("{site}/a.py"), 7);
        let report = inspection.report(1);
        let a = &report.packages[0];
        assert_eq!((a.name.as_str(), a.version.as_str()), ("a", "1"));
        assert_eq!(a.sizes, Sizes { files: 1, size: 5000, packed: Some(7) });
        assert_eq!((report.total.files, report.loose.files), (4, 3));
        assert_eq!(report.largest_files.len(), 1);
        assert_eq!(report.duplicates[0].paths.len(), 2);
    }
}
