//! Compiled modules by source digest and version of Python.
//!
//! `bytecode/3.11.7-cp311/<key>-<checksum>.pyc` below the cache folder: the
//! name says what the file has to hold, so what was damaged is not used, and
//! nobody has to wait for the disk. An empty one is kept for a source that can't
//! be compiled. Anything in there may be deleted at any time.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::magic::Magic;
use super::modules::Module;
use crate::cache::{self, Kind};
use crate::entry::Content;
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
    kept: Option<&'a cache::Cache>,
    folder: PathBuf,
    salt: String,
    known: HashMap<String, String>,
    /// Where the folder is if no cache can be written.
    pub scratch: Option<TempDir>,
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
        let cache =
            |folder: PathBuf, scratch| Cache { magic, kept, known: known(&folder), folder, salt, scratch };
        if let Some(kept) = kept {
            let folder = kept.folder(Kind::Bytecode).join(&name);
            match prepared(&folder) {
                Ok(()) => return Ok(cache(folder, None)),
                Err(error) => kept.fail(&error),
            }
        }
        let scratch = tempfile::Builder::new().prefix("envship-").tempdir()?;
        Ok(cache(scratch.path().to_owned(), Some(scratch)))
    }

    /// What came of compiling it before.
    pub(super) fn get(&self, module: &Module) -> Option<Known> {
        let key = self.key(module);
        let checksum = self.known.get(&key)?;
        let path = self.path(&key, checksum);
        let bytes = cache::read(&path).ok()?;
        if short(&sha256(&bytes)) != *checksum {
            if let Some(kept) = self.kept {
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
    pub(super) fn put_refused(&self, module: &Module) -> Result<(), crate::fs::Error> {
        self.put(module, &[]).map(drop)
    }

    /// Keeps a compiled module.
    pub(super) fn put(&self, module: &Module, bytes: &[u8]) -> Result<Content, crate::fs::Error> {
        let path = self.path(&self.key(module), &short(&sha256(bytes)));
        let mut file = StagedFile::create(&path, OnExisting::Replace)?;
        file.write_all(bytes).map_err(|source| crate::fs::Error::Write { path: path.clone(), source })?;
        file.commit_unsynced()?;
        if let Some(kept) = self.kept {
            kept.count(bytes.len() as u64);
        }
        Ok(Content::Disk { path: path.into(), size: bytes.len() as u64 })
    }

    fn key(&self, module: &Module) -> String {
        short(&Sha256::new().chain_update(&self.salt).chain_update(module.sha256).finalize())
    }

    fn path(&self, key: &str, checksum: &str) -> PathBuf {
        self.folder.join(format!("{key}-{checksum}.pyc"))
    }
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
