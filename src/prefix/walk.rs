//! The bare contents of a folder: every path once, nothing judged.

use std::fs::DirEntry;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::Error;
use crate::error::Result;
use crate::interrupt;
use crate::parallel::AT_ONCE;

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
/// entering what `skip` says, on all cores. A name that is not UTF-8, which
/// fails unless it is skipped, is shown to `skip` with replacement characters
/// in it.
pub(crate) fn walk(root: &Path, skip: impl Fn(&str) -> bool + Sync) -> Result<Vec<Found>> {
    let walk = Walk { root, skip };
    let (mut found, mut folders) = walk.list("")?;
    // Level by level: folders may be nested deeper than a stack.
    while !folders.is_empty() {
        let lists: Vec<_> =
            folders.par_iter().with_max_len(AT_ONCE).map(|folder| walk.list(folder)).collect();
        let mut deeper = Vec::new();
        for (path, list) in folders.into_iter().zip(lists) {
            let (mut files, mut below) = list?;
            if files.is_empty() && below.is_empty() {
                found.push(Found { path: path.into(), kind: Kind::EmptyFolder });
            }
            found.append(&mut files);
            deeper.append(&mut below);
        }
        folders = deeper;
    }
    found.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

struct Walk<'a, S> {
    root: &'a Path,
    skip: S,
}

impl<S: Fn(&str) -> bool + Sync> Walk<'_, S> {
    /// What is in a folder, and the folders in it by path.
    fn list(&self, path: &str) -> Result<(Vec<Found>, Vec<String>)> {
        interrupt::check()?;
        let folder = if path.is_empty() { self.root.to_owned() } else { self.root.join(path) };
        let unreadable = |path: &Path, source| Error::Unreadable { path: path.to_owned(), source };
        let (mut found, mut folders) = (Vec::new(), Vec::new());
        let entries = folder.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|source| unreadable(&folder, source))?;
        // What fails first is the same on every disk.
        entries.sort_by_cached_key(DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let shown = name.to_string_lossy();
            let path = if path.is_empty() { shown.into_owned() } else { format!("{path}/{shown}") };
            if (self.skip)(&path) {
                continue;
            }
            if name.to_str().is_none() {
                return Err(Error::NotUtf8 { path: entry.path() }.into());
            }
            match kind(&entry).map_err(|source| unreadable(&entry.path(), source))? {
                Some(kind) => found.push(Found { path: path.into(), kind }),
                None => folders.push(path),
            }
        }
        Ok((found, folders))
    }
}

/// What an entry of a folder is; `None` if a folder.
fn kind(entry: &DirEntry) -> io::Result<Option<Kind>> {
    let kind = entry.file_type()?;
    if kind.is_dir() {
        return Ok(None);
    }
    Ok(Some(if kind.is_symlink() {
        Kind::Link(entry.path().read_link()?)
    } else if kind.is_file() {
        let metadata = entry.metadata()?;
        Kind::File { size: metadata.len(), executable: metadata.permissions().mode() & 0o111 != 0 }
    } else {
        Kind::Special
    }))
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
    fn folders_may_be_nested_as_deep_as_paths_are_long() {
        let root = tempfile::tempdir().unwrap();
        let deep = vec!["d"; 1900].join("/");
        fs_err::create_dir_all(root.path().join(&deep)).unwrap();
        let found = walk(root.path(), |_| false).unwrap();
        assert_eq!(found.iter().map(|found| &*found.path).collect::<Vec<_>>(), [deep.as_str()]);
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
