//! The bare contents of a folder: every path once, nothing judged.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::Error;
use crate::error::Result;
use crate::interrupt;

/// Something in a folder.
#[derive(Debug)]
pub(crate) struct Found {
    /// Below the folder, `/`-separated.
    pub(crate) path: Arc<str>,
    pub(crate) kind: Kind,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Kind {
    File {
        size: u64,
        executable: bool,
    },
    Link(PathBuf),
    EmptyFolder,
    /// A socket, pipe or device.
    Special,
}

/// Lists what is below `root`, by path, without following links and without
/// entering what `skip` says. A name that is not UTF-8, which fails unless it
/// is skipped, is shown to `skip` with replacement characters in it.
pub(crate) fn walk(root: &Path, skip: impl Fn(&str) -> bool) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = BTreeSet::new();
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let name = |path: &Path| -> Result<String, Error> {
        below(path).into_os_string().into_string().map_err(|_| Error::NotUtf8 { path: path.to_owned() })
    };
    let entered = |entry: &walkdir::DirEntry| !skip(&below(entry.path()).to_string_lossy());
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter().filter_entry(entered) {
        interrupt::check()?;
        let entry = entry.map_err(unreadable)?;
        let path = name(entry.path())?;
        folders.remove(path.rsplit_once('/').map_or("", |(folder, _)| folder));
        let kind = entry.file_type();
        if kind.is_dir() {
            folders.insert(path);
        } else if kind.is_symlink() {
            found.push(Found { path: path.into(), kind: Kind::Link(fs_err::read_link(entry.path())?) });
        } else if kind.is_file() {
            let metadata = entry.metadata().map_err(unreadable)?;
            let executable = metadata.permissions().mode() & 0o111 != 0;
            found.push(Found { path: path.into(), kind: Kind::File { size: metadata.len(), executable } });
        } else {
            found.push(Found { path: path.into(), kind: Kind::Special });
        }
    }
    found.extend(folders.into_iter().map(|path| Found { path: path.into(), kind: Kind::EmptyFolder }));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn unreadable(error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(Path::new("")).to_owned();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links"));
    Error::Unreadable { path, source }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn only_empty_folders_are_listed() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(root.path().join("a/empty")).unwrap();
        fs_err::create_dir_all(root.path().join("b/skipped")).unwrap();
        fs_err::write(root.path().join("b/file"), "x").unwrap();
        let found = walk(root.path(), |path| path == "b/skipped").unwrap();
        let paths: Vec<_> = found.iter().map(|found| &*found.path).collect();
        assert_eq!(paths, ["a/empty", "b/file"]);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
        let error = walk(root.path(), |_| false).unwrap_err().to_string();
        assert!(error.contains("caf\u{fffd}"), "{error}");
        assert!(walk(root.path(), |path| path == "caf\u{fffd}").unwrap().is_empty());
    }
}
