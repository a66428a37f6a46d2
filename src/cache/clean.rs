//! What is in a cache, and taking it all away.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use walkdir::WalkDir;

use super::{Kind, remove, unused};
use crate::error::{Explain, Result};
use crate::interrupt;

/// How often it is looked whether the cache is still in use.
const WAIT: Duration = Duration::from_millis(100);

/// The place of the cache is taken.
#[derive(Debug, thiserror::Error)]
#[error("the cache can't be in `{}`, which is no directory", path.display())]
struct NoDirectory {
    path: PathBuf,
}

impl Explain for NoDirectory {
    fn hint(&self) -> Option<String> {
        Some("let ENVSHIP_CACHE_DIR name a directory, or one that may be created".to_owned())
    }
}

/// What there is of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    pub kind: &'static str,
    pub pieces: u64,
    /// In bytes.
    pub size: u64,
}

/// A file of a cache.
pub(super) struct Piece {
    pub path: PathBuf,
    pub size: u64,
    pub used: SystemTime,
}

/// Kind by kind, what is in the cache at `root`.
///
/// # Errors
/// If `root` is no directory, or a folder can't be read.
pub fn contents(root: &Path) -> Result<Vec<Content>> {
    if fs_err::metadata(root).is_ok_and(|found| !found.is_dir()) {
        return Err(NoDirectory { path: root.to_owned() }.into());
    }
    let count = |kind: Kind| {
        let found = pieces(&root.join(kind.name()))?;
        let size = found.iter().map(|piece| piece.size).sum();
        Ok(Content { kind: kind.name(), pieces: found.len() as u64, size })
    };
    Kind::ALL.into_iter().map(count).collect()
}

/// Removes everything, once nobody uses it, and tells how much it was.
/// `waiting` is called once if somebody does.
///
/// # Errors
/// If something can't be removed, or the user interrupts the waiting.
pub fn clean(root: &Path, waiting: impl FnOnce()) -> Result<Vec<Content>> {
    if !root.is_dir() {
        return contents(root);
    }
    let mut waiting = Some(waiting);
    let _nobody = loop {
        if let Some(lock) = unused(root)? {
            break lock;
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        interrupt::check()?;
        std::thread::sleep(WAIT);
    };
    let found = contents(root)?;
    for kind in Kind::ALL {
        remove(&root.join(kind.name()))?;
    }
    Ok(found)
}

/// The files below a folder; none if it isn't there. What vanishes meanwhile
/// is left out.
pub(super) fn pieces(folder: &Path) -> io::Result<Vec<Piece>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder) {
        let piece = entry.and_then(|entry| Ok((entry.metadata()?, entry)));
        match piece {
            Ok((metadata, entry)) if metadata.is_file() => found.push(Piece {
                path: entry.into_path(),
                size: metadata.len(),
                used: metadata.modified()?,
            }),
            Ok(_) => {}
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Cache;
    use super::*;

    #[test]
    fn cleaning_takes_every_piece_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("notes"), "mine").unwrap();
        let cache = Cache::open(folder.path().to_owned());
        cache.put(Kind::Segments, &[1; 32], &[b"abc"]);
        cache.put(Kind::Readings, &[2; 32], &[b"abc"]);
        drop(cache);
        let removed = clean(folder.path(), || panic!("nobody uses it")).unwrap();
        assert_eq!(removed.iter().map(|content| content.pieces).collect::<Vec<_>>(), [0, 1, 1]);
        assert!(contents(folder.path()).unwrap().iter().all(|content| content.pieces == 0));
        assert!(folder.path().join("notes").exists());
    }

    #[test]
    fn cleaning_takes_what_is_no_folder_too() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join(Kind::Bytecode.name()), "").unwrap();
        clean(folder.path(), || panic!("nobody uses it")).unwrap();
        assert!(!folder.path().join(Kind::Bytecode.name()).exists());
    }

    #[test]
    fn cleaning_waits_for_those_who_use_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        cache.put(Kind::Segments, &[1; 32], &[b"abc"]);
        let removed = clean(folder.path(), || drop(cache)).unwrap();
        assert_eq!(removed[1].pieces, 1);
    }

    #[test]
    fn there_is_nothing_to_clean_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let removed = clean(&folder.path().join("missing"), || {}).unwrap();
        assert!(removed.iter().all(|content| content.size == 0));
    }
}
