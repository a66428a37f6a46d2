//! Who installed which file: conda's records and pip's lists, side by side.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::entry::{Group, Rewrite};
use crate::error::Result;
use crate::prefix::conda_meta::{self, Record};
use crate::prefix::dist_info::{self, Distribution};
use crate::prefix::editable::{self, Editables};
use crate::prefix::{Prefix, PrefixKind, omit, open};

/// Who installed what.
pub(super) struct Owners {
    pub(super) records: Vec<Record>,
    /// Path → index of the record, and what the package says of the file.
    pub(super) conda: HashMap<Arc<str>, (usize, Rewrite)>,
    /// Of pip and others; what conda installed is not among them.
    pub(super) distributions: Vec<Distribution>,
    /// Path → index of the distribution.
    pub(super) pip: HashMap<Arc<str>, usize>,
    record_groups: Vec<Group>,
    distribution_groups: Vec<Group>,
    site_packages: Vec<String>,
}

impl Owners {
    pub(super) fn load(prefix: &Prefix) -> Result<Self> {
        let site_packages = site_packages(prefix);
        let mut records = conda_meta::load(&prefix.root)?;
        let mut conda = HashMap::new();
        for (index, record) in records.iter_mut().enumerate() {
            let files = record.files(site_packages.first().map(String::as_str));
            conda.extend(files.map(|(path, rewrite)| (path, (index, rewrite))));
            record.forget_files();
        }
        let distributions: Vec<Distribution> = site_packages
            .iter()
            .flat_map(|folder| dist_info::distributions(&prefix.root, folder))
            .filter(|distribution| !conda.contains_key(format!("{}/METADATA", distribution.path).as_str()))
            .collect();
        let mut pip = HashMap::new();
        for (index, distribution) in distributions.iter().enumerate() {
            pip.extend(distribution.files.iter().map(|path| (Arc::clone(path), index)));
        }
        let record_groups = records.iter().map(|record| conda_group(&record.name)).collect();
        let package = |found: &Distribution| Group::Package(found.name.as_str().into());
        let distribution_groups = distributions.iter().map(package).collect();
        Ok(Owners { records, conda, distributions, pip, record_groups, distribution_groups, site_packages })
    }

    pub(super) fn editables(&self, prefix: &Prefix) -> Editables {
        let roots = roots(prefix);
        let mut all = Editables::default();
        for folder in &self.site_packages {
            let mut found = editable::find(&roots, folder, &self.distributions);
            found.projects.retain(|project| !all.projects.contains(project));
            all.projects.append(&mut found.projects);
            all.folders.append(&mut found.folders);
            all.files.append(&mut found.files);
            all.pth.append(&mut found.pth);
        }
        all
    }

    /// The part of the archive in which a file is written: by who wrote it
    /// last, and bytecode with its source.
    pub(super) fn group(&self, prefix: &Prefix, path: &str) -> Group {
        if let Some(index) = self.pip.get(path) {
            return self.distribution_groups[*index].clone();
        }
        if let Some((index, _)) = self.conda.get(path) {
            return self.record_groups[*index].clone();
        }
        if path.starts_with("conda-meta/")
            && let Some(index) = self.records.iter().position(|record| record.path == path)
        {
            return self.record_groups[index].clone();
        }
        if let Some(source) = source_of(path) {
            return self.group(prefix, &source);
        }
        if is_standard_library(prefix, path) { Group::Interpreter } else { Group::Loose }
    }

    pub(super) fn rewrite(&self, path: &str) -> Rewrite {
        match self.conda.get(path) {
            // What another installer wrote has nothing to do with the
            // placeholder of the package.
            Some((_, rewrite)) if !self.pip.contains_key(path) => rewrite.clone(),
            _ => Rewrite::Search,
        }
    }
}

fn site_packages(prefix: &Prefix) -> Vec<String> {
    let Some(python) = &prefix.python else { return Vec::new() };
    let mut folders = vec![python.site_packages()];
    if python.platlib != "lib" && !prefix.root.join(python.platlib).is_symlink() {
        folders.push(format!("{}/{}/site-packages", python.platlib, python.name));
    }
    folders
}

fn conda_group(package: &str) -> Group {
    if package == "python" { Group::Interpreter } else { Group::Package(package.into()) }
}

/// Whether an environment that holds its own interpreter has it here.
fn is_standard_library(prefix: &Prefix, path: &str) -> bool {
    let (PrefixKind::Standalone, Some(python)) = (&prefix.kind, &prefix.python) else { return false };
    let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let library = below(&python.stdlib()) && !below(&python.site_packages());
    library
        || below(&format!("include/{}", python.name))
        || omit::is_interpreter_name(path)
        || path.starts_with("lib/libpython")
}

/// `a/b.py` of `a/__pycache__/b.cpython-311.opt-1.pyc`.
fn source_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once("__pycache__/")?;
    let stem = name.strip_suffix(".pyc")?.split('.').next()?;
    Some(format!("{folder}{stem}.py"))
}

/// All spellings of the root.
pub(super) fn roots(prefix: &Prefix) -> Vec<PathBuf> {
    let mut roots = vec![prefix.root.clone()];
    roots.extend(fs_err::canonicalize(&prefix.root));
    open::dedup(&mut roots);
    roots
}
