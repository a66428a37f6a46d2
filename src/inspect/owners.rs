//! To which package a file belongs: `RECORD` (PEP 376) and conda's records.

use std::collections::BTreeMap;
use std::path::Path;

use crate::artifact::{Package, PackageKind};
use crate::prefix::{Record, below, metadata_header, parse_record_line};

/// Packages and the files that they list.
#[derive(Default)]
pub(super) struct Owners {
    packages: BTreeMap<String, Package>,
    /// Path → the folder or record that lists it; conda's lists win, since
    /// conda packages bring a `RECORD` too.
    by_path: BTreeMap<String, String>,
    /// Folders of distributions → their names.
    distributions: BTreeMap<String, (Option<Package>, Vec<String>)>,
}

/// Whether a file tells of packages.
pub(super) fn is_metadata(path: &str) -> bool {
    let conda = path.strip_prefix("conda-meta/").is_some_and(|name| name.ends_with(".json"));
    let python = path.ends_with(".dist-info/RECORD") || path.ends_with(".dist-info/METADATA");
    conda || (python && path.rsplit('/').nth(2).is_some_and(|folder| folder.ends_with("-packages")))
}

impl Owners {
    /// Reads a file that tells of a package.
    pub(super) fn metadata(&mut self, path: &str, text: &str) {
        if path.starts_with("conda-meta/") {
            if let Ok(record) = serde_json::from_str::<Record>(text) {
                for (file, _) in record.hashes() {
                    self.by_path.insert(file.to_owned(), record.name.clone());
                }
                self.by_path.insert(path.to_owned(), record.name.clone());
                self.packages.insert(record.name.clone(), record.package());
            }
            return;
        }
        let Some((folder, file)) = path.rsplit_once('/') else { return };
        let (package, files) = self.distributions.entry(folder.to_owned()).or_default();
        if file == "METADATA" {
            *package = metadata_header(text).map(|(name, version)| Package {
                name,
                version,
                kind: PackageKind::Pypi,
                build: None,
                hash: None,
            });
        } else {
            let site_packages = folder.rsplit_once('/').map_or("", |(above, _)| above);
            let lines = text.lines().filter_map(parse_record_line);
            files.extend(lines.filter_map(|line| below(Path::new("/"), site_packages, &line.path)));
        }
    }

    /// The owner of every listed file, and all packages by their keys.
    pub(super) fn finish(self) -> (BTreeMap<String, String>, BTreeMap<String, Package>) {
        let Owners { mut packages, mut by_path, distributions } = self;
        for (folder, (package, files)) in distributions {
            let Some(package) = package else { continue };
            // The same distribution inside a conda package is conda's.
            if by_path.contains_key(&format!("{folder}/METADATA")) {
                continue;
            }
            let key = format!("{} (PyPI)", package.name);
            for file in files {
                by_path.entry(file).or_insert_with(|| key.clone());
            }
            packages.insert(key, package);
        }
        (by_path, packages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_who_lists_it_and_to_conda_first() {
        let mut owners = Owners::default();
        let site = "lib/python3.11/site-packages";
        owners.metadata(&format!("{site}/a-1.dist-info/METADATA"), "Name: a\nVersion: 1\n\n");
        owners.metadata(
            &format!("{site}/a-1.dist-info/RECORD"),
            "a.py,,\n../../../bin/a,,\na-1.dist-info/METADATA,,\n",
        );
        owners.metadata(&format!("{site}/b-2.dist-info/METADATA"), "Name: B\nVersion: 2\n\n");
        owners.metadata(&format!("{site}/b-2.dist-info/RECORD"), "b.py,,\nb-2.dist-info/METADATA,,\n");
        let record = format!(
            r#"{{"name": "b", "version": "2", "paths_data": {{"paths": [
                {{"_path": "{site}/b.py"}}, {{"_path": "{site}/b-2.dist-info/METADATA"}}]}}}}"#
        );
        owners.metadata("conda-meta/b-2-0.json", &record);
        let (by_path, packages) = owners.finish();
        assert_eq!(by_path["bin/a"], "a (PyPI)");
        assert_eq!(by_path[&format!("{site}/b.py")], "b");
        assert_eq!(packages.keys().collect::<Vec<_>>(), ["a (PyPI)", "b"]);
    }

    #[test]
    fn metadata_that_a_package_vendors_is_a_file_like_any_other() {
        assert!(is_metadata("lib/python3.11/site-packages/a-1.dist-info/RECORD"));
        assert!(!is_metadata("lib/python3.11/site-packages/a/_vendor/b-1.dist-info/RECORD"));
        assert!(!is_metadata("lib/python3.11/site-packages/RECORD"));
    }
}
