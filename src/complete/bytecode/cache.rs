//! Compiled modules by source digest and version of Python.
//!
//! `bytecode/3.11.7-cp311/<key>-<checksum>.pyc` below the cache folder: the
//! name says what the file has to hold, so what was damaged is not used, and
//! nobody has to wait for the disk. An empty one is kept for a source that can't
//! be compiled. Anything in there may be deleted at any time.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::magic::Magic;
use super::modules::Module;
use crate::cache::{self, Kind};
use crate::entry::Content;
use crate::error::Result;
use crate::fs::{OnExisting, StagedFile, sha256};
use crate::prefix::Python;

/// Raise it when compiling a source gives other code than before.
const SCHEMA: &str = "1";

/// The digits of a key or a checksum in a name.
const DIGITS: usize = 40;

/// What is known of a module.
pub(super) enum Known {
    Compiled(Content),
    /// A template, say, or a test of the parser: no other attempt is worth it.
    Refused,
}

/// Where the compiled modules of one Python are.
pub(super) struct Cache<'a> {
    pub magic: Magic,
    store: Store<'a>,
    salt: String,
    known: HashMap<String, String>,
}

/// Where compiled modules are put: into the cache, and into a folder of this
/// run's where there is none or it takes no more.
struct Store<'a> {
    kept: Option<&'a cache::Cache>,
    /// In the cache.
    folder: PathBuf,
    scratch: Mutex<Option<TempDir>>,
}

impl<'a> Cache<'a> {
    /// Opens the shelf of this Python in the cache, or one that exists for this
    /// run only.
    pub(super) fn open(
        python: &Python,
        magic: Magic,
        kept: Option<&'a cache::Cache>,
    ) -> std::io::Result<Self> {
        let info = python.info();
        let name = format!("{}-{}", info.version, info.abi);
        let salt = format!("{SCHEMA} {} {} {}", info.version, info.abi, hex::encode(magic.bytes));
        let store = Store::open(kept, &name)?;
        Ok(Cache { magic, known: known(&store.folder), store, salt })
    }

    /// What has to stay until the archive is written.
    pub(super) fn into_scratch(self) -> Option<TempDir> {
        self.store.scratch.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of compiling it before.
    pub(super) fn get(&self, module: &Module) -> Option<Known> {
        let key = self.key(module);
        let checksum = self.known.get(&key)?;
        let path = self.store.folder.join(file_name(&key, checksum));
        let bytes = cache::read(&path).ok()?;
        if short(&sha256(&bytes)) != *checksum {
            if let Some(kept) = self.store.kept {
                kept.discard(&path);
            }
            return None;
        }
        cache::note_use(&path);
        match bytes.len() as u64 {
            0 => Some(Known::Refused),
            size => Some(Known::Compiled(Content::Disk { path: path.into(), size })),
        }
    }

    /// Keeps that the interpreter refused a module.
    pub(super) fn put_refused(&self, module: &Module) -> Result<()> {
        self.put(module, &[]).map(drop)
    }

    /// Keeps a compiled module.
    pub(super) fn put(&self, module: &Module, bytes: &[u8]) -> Result<Content> {
        let path = self.store.put(&file_name(&self.key(module), &short(&sha256(bytes))), bytes)?;
        Ok(Content::Disk { path: path.into(), size: bytes.len() as u64 })
    }

    fn key(&self, module: &Module) -> String {
        short(&Sha256::new().chain_update(&self.salt).chain_update(module.sha256).finalize())
    }
}

impl<'a> Store<'a> {
    fn open(kept: Option<&'a cache::Cache>, name: &str) -> std::io::Result<Self> {
        if let Some(kept) = kept {
            let folder = kept.folder(Kind::Bytecode).join(name);
            match prepared(&folder) {
                Ok(()) => return Ok(Store { kept: Some(kept), folder, scratch: Mutex::default() }),
                Err(error) => kept.fail(&error),
            }
        }
        let scratch = scratch()?;
        Ok(Store { kept: None, folder: scratch.path().to_owned(), scratch: Some(scratch).into() })
    }

    /// Writes a file, and tells where.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let aside = || self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = self.kept
            && aside().is_none()
        {
            match written(&self.folder, name, bytes) {
                Ok(path) => {
                    kept.count(bytes.len() as u64);
                    return Ok(path);
                }
                // The disk may be full by now.
                Err(error) => kept.fail(&error.into()),
            }
        }
        let mut aside = aside();
        let folder = match &mut *aside {
            Some(folder) => folder,
            none => none.insert(scratch()?),
        };
        Ok(written(folder.path(), name, bytes)?)
    }
}

fn file_name(key: &str, checksum: &str) -> String {
    format!("{key}-{checksum}.pyc")
}

fn scratch() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("envship-").tempdir()
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, crate::fs::Error> {
    let path = folder.join(name);
    let mut file = StagedFile::create(&path, OnExisting::Replace)?;
    file.write_all(bytes).map_err(|source| crate::fs::Error::Write { path: path.clone(), source })?;
    file.commit_unsynced()?;
    Ok(path)
}

/// Makes the folder, and sees whether files can be put there.
fn prepared(folder: &Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    drop(StagedFile::create(&folder.join("probe"), OnExisting::Replace)?);
    Ok(())
}

/// Checksums by key.
fn known(folder: &Path) -> HashMap<String, String> {
    let names = fs_err::read_dir(folder).into_iter().flatten().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let (key, checksum) = name.strip_suffix(".pyc")?.split_once('-')?;
        Some((key.to_owned(), checksum.to_owned()))
    });
    names.collect()
}

fn short(digest: &[u8]) -> String {
    let mut digits = hex::encode(digest);
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cache_does_not_take_lies_elsewhere_and_is_told() {
        let root = tempfile::tempdir().unwrap();
        let kept = cache::Cache::open(root.path().to_owned());
        let store = Store::open(Some(&kept), "3.11").unwrap();
        let first = store.put("a.pyc", b"a").unwrap();
        assert!(kept.holds(&first));
        // No file can be made there any more.
        fs_err::rename(&store.folder, root.path().join("moved")).unwrap();
        fs_err::write(&store.folder, b"").unwrap();
        for name in ["b.pyc", "c.pyc"] {
            let path = store.put(name, b"b").unwrap();
            assert!(!kept.holds(&path));
            assert_eq!(fs_err::read(path).unwrap(), b"b");
        }
        assert!(kept.close(cache::Limit::default()).failure.is_some());
    }
}
