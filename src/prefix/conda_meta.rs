//! `conda-meta`: the records of installed conda packages, as far as an
//! inventory needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;

use super::Error;
use crate::artifact::{Package, PackageKind};
use crate::entry::Rewrite;
use crate::error::Result;
use crate::parallel::AT_ONCE;

/// An installed conda package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) version: String,
    build: Option<String>,
    pub(crate) subdir: Option<String>,
    sha256: Option<String>,
    md5: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    paths_data: PathsData,
    /// Of the record itself, below the prefix.
    #[serde(skip)]
    pub(crate) path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PathsData {
    #[serde(default)]
    paths: Vec<PathRecord>,
}

#[derive(Clone, Debug, Deserialize)]
struct PathRecord {
    #[serde(rename = "_path")]
    path: String,
    prefix_placeholder: Option<String>,
    file_mode: Option<String>,
    sha256: Option<String>,
    sha256_in_prefix: Option<String>,
}

impl Record {
    /// As the manifest lists it.
    pub(crate) fn package(&self) -> Package {
        let sha256 = self.sha256.as_ref().map(|hash| format!("sha256:{hash}"));
        let md5 = || self.md5.as_ref().map(|hash| format!("md5:{hash}"));
        Package {
            name: self.name.clone(),
            version: self.version.clone(),
            kind: PackageKind::Conda,
            build: self.build.clone(),
            hash: sha256.or_else(md5),
        }
    }

    /// Its files below the prefix, with what the package says about its
    /// placeholder in them. A file of which it says nothing is searched, since
    /// installing may have written the prefix into it (entry points, bytecode)
    /// and the user may have changed it.
    pub(crate) fn files<'a>(
        &'a self,
        site_packages: Option<&'a str>,
    ) -> impl Iterator<Item = (Arc<str>, Rewrite)> + 'a {
        let declared = self.paths_data.paths.iter().map(|record| (&record.path, rewrite(record)));
        let listed = self.files.iter().map(|path| (path, Rewrite::Search));
        // Old records list their files without paths data.
        let all: Box<dyn Iterator<Item = _>> =
            if self.paths_data.paths.is_empty() { Box::new(listed) } else { Box::new(declared) };
        all.map(move |(path, rewrite)| (installed_path(path, site_packages).into(), rewrite))
    }

    /// Frees what is known of its files, which is much.
    pub(super) fn forget_files(&mut self) {
        (self.files, self.paths_data) = Default::default();
    }

    /// The SHA-256 of its files as they were installed, hexadecimal, where known.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.paths_data.paths.iter().map(|record| {
            (record.path.as_str(), record.sha256_in_prefix.as_deref().or(record.sha256.as_deref()))
        })
    }
}

fn rewrite(record: &PathRecord) -> Rewrite {
    match (record.file_mode.as_deref(), &record.prefix_placeholder) {
        (Some("binary"), Some(placeholder)) => Rewrite::Binary { placeholder: placeholder.len() },
        (_, Some(_)) => Rewrite::Text,
        _ => Rewrite::Search,
    }
}

/// Where a file of a noarch package is installed; current tools record that
/// themselves, old ones the path inside the package.
fn installed_path(path: &str, site_packages: Option<&str>) -> String {
    if let (Some(rest), Some(site_packages)) = (path.strip_prefix("site-packages/"), site_packages) {
        return format!("{site_packages}/{rest}");
    }
    match path.strip_prefix("python-scripts/") {
        Some(rest) => format!("bin/{rest}"),
        None => path.to_owned(),
    }
}

/// Whether `root` is a conda environment: an empty one has a history only.
pub(super) fn is_conda(root: &Path) -> bool {
    root.join("conda-meta/history").is_file() || !record_paths(root).is_empty()
}

/// The records of `root`, ordered by package name; none if it is no conda
/// environment.
pub(crate) fn load(root: &Path) -> Result<Vec<Record>> {
    let read = |path: PathBuf| {
        let bytes = fs_err::read(&path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut record: Record =
            serde_json::from_slice(&bytes).map_err(|source| Error::BadRecord { path, source })?;
        record.path = format!("conda-meta/{name}");
        Ok(record)
    };
    let records: Vec<Result<Record>> =
        record_paths(root).into_par_iter().with_max_len(AT_ONCE).map(read).collect();
    let mut records = records.into_iter().collect::<Result<Vec<_>>>()?;
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(records)
}

/// The version of the package `python`, from the name of its record:
/// `python-3.11.7-hab00c5b_1_cpython.json`.
pub(super) fn python_version(root: &Path) -> Option<String> {
    record_paths(root).into_iter().find_map(|path| {
        let stem = path.file_stem()?.to_str()?;
        let (rest, _build) = stem.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        (name == "python").then(|| version.to_owned())
    })
}

fn record_paths(root: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs_err::read_dir(root.join("conda-meta"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn placeholders_are_as_the_package_declares_them() {
        let record = record(
            r#"{"name": "p", "version": "1", "paths_data": {"paths": [
                {"_path": "bin/a", "path_type": "hardlink", "file_mode": "text", "prefix_placeholder": "/opt/x"},
                {"_path": "lib/b", "path_type": "hardlink", "file_mode": "binary", "prefix_placeholder": "/opt/xyz"},
                {"_path": "lib/c", "path_type": "hardlink"}]}}"#,
        );
        let files: Vec<_> = record.files(None).collect();
        assert_eq!(files[0], ("bin/a".into(), Rewrite::Text));
        assert_eq!(files[1], ("lib/b".into(), Rewrite::Binary { placeholder: 8 }));
        assert_eq!(files[2], ("lib/c".into(), Rewrite::Search));
    }

    #[test]
    fn paths_inside_a_noarch_package_become_installed_paths() {
        let record =
            record(r#"{"name": "p", "version": "1", "files": ["site-packages/p.py", "python-scripts/p"]}"#);
        let files: Vec<_> =
            record.files(Some("lib/python3.11/site-packages")).map(|(path, _)| path).collect();
        assert_eq!(files, ["lib/python3.11/site-packages/p.py", "bin/p"].map(Arc::from));
    }
}
