//! A folder that is being filled, and errors by the name that the user knows.
#![expect(
    clippy::disallowed_methods,
    reason = "errors name the place that the user knows, see `Ground::written`"
)]

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::error::Result;

/// Where files lie while not all of them are there, and where they will lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) staged: &'a Path,
    /// The folder that the user asked for.
    pub(super) destination: &'a Path,
}

impl Ground<'_> {
    /// Where a path below the folder lies now.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.staged.join(path)
    }

    /// What came of writing a path below the folder; an error names the place
    /// that the user knows.
    pub(super) fn written<T>(&self, path: &str, result: io::Result<T>) -> Result<T> {
        Ok(result.map_err(|source| Error::Write {
            name: path.into(),
            directory: self.destination.to_owned(),
            source,
        })?)
    }

    pub(super) fn make_directory(&self, path: &str) -> Result<()> {
        self.written(path, fs::create_dir(self.at(path)))
    }

    /// Makes an empty file, which must not be there yet; its mode follows the
    /// umask.
    pub(super) fn make_file(&self, path: &str, executable: bool) -> Result<fs::File> {
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if executable { 0o777 } else { 0o666 })
            .open(self.at(path));
        self.written(path, made)
    }

    /// Makes a symbolic link.
    pub(super) fn make_link(&self, path: &str, target: &str) -> Result<()> {
        self.written(path, std::os::unix::fs::symlink(target, self.at(path)))
    }

    /// Makes a hard link to another path below the folder.
    pub(super) fn make_hard_link(&self, path: &str, target: &str) -> Result<()> {
        self.written(path, fs::hard_link(self.at(target), self.at(path)))
    }

    /// Moves what lies at one path below the folder to another.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.written(to, fs::rename(self.at(from), self.at(to)))
    }
}
