//! `.dist-info` folders: the packages that pip, uv and others installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::artifact::{Package, PackageKind};
use crate::parallel::AT_ONCE;

/// An installed distribution (PEP 376, PEP 627).
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    /// Of its folder, below the root: `lib/python3.11/site-packages/rich-15.0.0.dist-info`.
    pub(crate) path: String,
    /// Normalised (PEP 503).
    pub(crate) name: String,
    pub(crate) version: String,
    /// The contents of `INSTALLER`.
    pub(crate) installer: Option<String>,
    /// Below the root, as `RECORD` lists them; what lies outside is left out.
    pub(crate) files: Vec<Arc<str>>,
}

impl Distribution {
    /// Reads the folder `path` below `root`; `None` where it isn't a
    /// distribution (a leftover of an uninstallation has no metadata).
    pub(crate) fn read(root: &Path, path: &str) -> Option<Self> {
        let folder = root.join(path);
        let metadata = read_lossy(&folder.join("METADATA"))?;
        let (name, version) = metadata_header(&metadata)?;
        let site_packages = Path::new(path).parent()?.to_str()?;
        let record = read_lossy(&folder.join("RECORD")).unwrap_or_default();
        let files = record
            .lines()
            .filter_map(parse_record_line)
            .filter_map(|line| Some(below(root, site_packages, &line.path)?.into()))
            .collect();
        Some(Distribution {
            path: path.to_owned(),
            name,
            version,
            installer: read_lossy(&folder.join("INSTALLER")).map(|text| text.trim().to_owned()),
            files,
        })
    }

    /// As the manifest lists it.
    pub(crate) fn package(&self) -> Package {
        Package {
            name: self.name.clone(),
            version: self.version.clone(),
            kind: PackageKind::Pypi,
            build: None,
            hash: None,
        }
    }
}

/// The normalised name and the version that a `METADATA` file gives.
pub(crate) fn metadata_header(metadata: &str) -> Option<(String, String)> {
    let headers = metadata.split("\n\n").next().unwrap_or_default();
    let header = |name: &str| {
        headers.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
    };
    Some((normalise(&header("Name")?), header("Version")?))
}

/// The distributions of a `site-packages` folder, ordered by path.
pub(crate) fn distributions(root: &Path, site_packages: &str) -> Vec<Distribution> {
    let mut names: Vec<String> = fs_err::read_dir(root.join(site_packages))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".dist-info"))
        .collect();
    names.sort();
    names
        .par_iter()
        .with_max_len(AT_ONCE)
        .filter_map(|name| Distribution::read(root, &format!("{site_packages}/{name}")))
        .collect()
}

/// Whether a path is that of the `RECORD` of an installed distribution; one that
/// a package vendors is a file like any other.
pub(crate) fn is_record(path: &str) -> bool {
    let folder = path.strip_suffix("/RECORD").filter(|folder| folder.ends_with(".dist-info"));
    folder.and_then(|folder| folder.rsplit_once('/')).is_some_and(|(site, _)| site.ends_with("-packages"))
}

/// A line of `RECORD`: path, hash and size, the last two may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordLine {
    /// Relative to the folder that holds the `.dist-info`, or absolute.
    pub(crate) path: String,
    pub(crate) hash: String,
    pub(crate) size: String,
}

/// Reads a CSV line of `RECORD`; only the path may be quoted.
pub(crate) fn parse_record_line(line: &str) -> Option<RecordLine> {
    let line = line.trim_end_matches('\r');
    let mut fields = line.rsplitn(3, ',');
    let (size, hash, path) = (fields.next()?, fields.next()?, fields.next()?);
    let path = match path.strip_prefix('"').and_then(|path| path.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => path.to_owned(),
    };
    (!path.is_empty()).then(|| RecordLine { path, hash: hash.to_owned(), size: size.to_owned() })
}

/// The path below `root` that `path` in a `RECORD` means.
pub(crate) fn below(root: &Path, site_packages: &str, path: &str) -> Option<String> {
    let joined = if Path::new(path).is_absolute() {
        Path::new(path).strip_prefix(root).ok()?.to_owned()
    } else {
        Path::new(site_packages).join(path)
    };
    normal(&joined)
}

/// Resolves `.` and `..`; `None` if the path leaves the root.
pub(super) fn normal(path: &Path) -> Option<String> {
    use std::path::Component;
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !parts.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    parts.into_os_string().into_string().ok()
}

/// A project name as indexes spell it (PEP 503).
fn normalise(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

fn read_lossy(path: &Path) -> Option<String> {
    fs_err::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_normalised() {
        assert_eq!(normalise("Ruamel.YAML_clib"), "ruamel-yaml-clib");
    }

    #[test]
    fn a_quoted_path_with_commas_is_one_field() {
        let line = parse_record_line("\"a,\"\"b\"\".py\",sha256=x,3\r").unwrap();
        assert_eq!(
            (line.path.as_str(), line.hash.as_str(), line.size.as_str()),
            ("a,\"b\".py", "sha256=x", "3")
        );
    }

    #[test]
    fn a_path_that_leaves_the_environment_belongs_to_nobody() {
        let root = Path::new("/env");
        assert_eq!(below(root, "lib/python3.11/site-packages", "../../../bin/x").as_deref(), Some("bin/x"));
        assert_eq!(below(root, "lib/python3.11/site-packages", "../../../../x"), None);
        assert_eq!(below(root, "lib/python3.11/site-packages", "/env/bin/x").as_deref(), Some("bin/x"));
        assert_eq!(below(root, "lib/python3.11/site-packages", "/usr/share/x"), None);
    }
}
