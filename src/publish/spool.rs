//! What can only be read from its beginning to its end, kept in a temporary
//! file without a name: nothing is left of it however the process ends.

use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::Error;
use super::remote::{Parts, Remote};

/// An archive that was brought to this machine.
pub(super) struct Spool {
    file: fs_err::File,
    size: u64,
}

impl Spool {
    pub fn new() -> Result<Self, Error> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile_in(&folder)
            .map_err(|source| failed("make a temporary file in", &folder, source))?;
        Ok(Spool { file: fs_err::File::from_parts(file, folder), size: 0 })
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let folder = self.file.path().to_owned();
        self.file.write_all(bytes).map_err(|source| failed("write a temporary file in", &folder, source))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn into_remote(self) -> Remote {
        let size = self.size;
        Remote::new(Box::new(self), size)
    }
}

impl Parts for Spool {
    fn part(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        self.file
            .file()
            .read_exact_at(&mut bytes, range.start)
            .map_err(|source| failed("read a temporary file in", self.file.path(), source))?;
        Ok(bytes)
    }

    fn is_here(&self) -> bool {
        true
    }
}

fn failed(action: &'static str, folder: &Path, source: io::Error) -> Error {
    Error::Local { action, path: folder.to_owned(), source }
}
