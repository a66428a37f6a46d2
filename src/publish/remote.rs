//! A published archive, read where it lies.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use super::backend::Backend;
use super::error::Error;
use super::location::Location;
use super::store::{Published, Store};
use crate::interrupt;

/// How much is asked for at once: enough for a connection to reach its speed,
/// little enough for a zip's directory to cost one request.
const WINDOW: u64 = 4 << 20;

/// A published archive whose bytes can be asked for.
pub struct Remote {
    backend: Arc<dyn Backend>,
    name: String,
    size: u64,
    /// Why reading stopped, which an [`io::Error`] can't carry.
    failure: Arc<Mutex<Option<Error>>>,
}

impl Location {
    /// Finds the archive at this location.
    ///
    /// # Errors
    /// If there is none, or the store can't be asked.
    pub fn archive(&self) -> Result<Remote, Error> {
        let missing = || Error::Missing { url: self.to_string() };
        let name = self.file_name().ok_or_else(missing)?.into_owned();
        let Store { backend, directory } = self.open()?;
        let store = Store { backend: Arc::clone(&backend), directory };
        let Published { size, .. } = store.head(&name)?.ok_or_else(missing)?;
        Ok(Remote { backend, name, size, failure: Arc::default() })
    }
}

impl Remote {
    /// A reader of its own, at the beginning.
    #[must_use]
    pub fn reader(&self) -> RemoteReader {
        RemoteReader {
            backend: Arc::clone(&self.backend),
            name: self.name.clone(),
            size: self.size,
            position: 0,
            window: (0, Vec::new()),
            failure: Arc::clone(&self.failure),
        }
    }

    /// What the store said when reading failed.
    pub fn failure(&self) -> Option<Error> {
        self.failure.lock().ok()?.take()
    }
}

/// Reads windows of an archive.
pub struct RemoteReader {
    backend: Arc<dyn Backend>,
    name: String,
    size: u64,
    position: u64,
    /// What was read last, and where it begins.
    window: (u64, Vec<u8>),
    failure: Arc<Mutex<Option<Error>>>,
}

impl RemoteReader {
    /// What is known from the position on.
    fn known(&self) -> Option<&[u8]> {
        let (start, bytes) = &self.window;
        let offset = usize::try_from(self.position.checked_sub(*start)?).ok()?;
        bytes.get(offset..).filter(|rest| !rest.is_empty())
    }
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.known().is_none() {
            interrupt::check().map_err(io::Error::other)?;
            let range = self.position..self.size.min(self.position + WINDOW);
            let bytes = self.backend.read_range(&self.name, range).map_err(|error| {
                let text = error.to_string();
                if let Ok(mut failure) = self.failure.lock() {
                    failure.get_or_insert(error);
                }
                io::Error::other(text)
            })?;
            self.window = (self.position, bytes);
        }
        let known = self.known().ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = known.len().min(buffer.len());
        buffer[..length].copy_from_slice(&known[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for RemoteReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_place_of_a_published_archive_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..(2 * WINDOW + 1000)).map(|n| u8::try_from(n % 251).unwrap()).collect();
        fs_err::write(folder.path().join("env.tar"), &bytes).unwrap();
        let location = Location::parse(folder.path().join("env.tar").to_str().unwrap()).unwrap();
        let remote = location.archive().unwrap();
        let mut all = Vec::new();
        remote.reader().read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        let mut reader = remote.reader();
        for from in [WINDOW + 7, 3, 2 * WINDOW + 990] {
            let mut ten = [0; 10];
            reader.seek(SeekFrom::Start(from)).unwrap();
            reader.read_exact(&mut ten).unwrap();
            assert_eq!(ten, bytes[usize::try_from(from).unwrap()..][..10]);
        }
        assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), bytes.len() as u64);
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn an_archive_that_vanishes_is_told_by_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env.tar");
        fs_err::write(&path, "text").unwrap();
        let location = Location::parse(path.to_str().unwrap()).unwrap();
        let remote = location.archive().unwrap();
        fs_err::remove_file(&path).unwrap();
        assert!(remote.reader().read(&mut [0; 4]).is_err());
        assert!(remote.failure().is_some());
        assert!(matches!(location.archive(), Err(Error::Missing { .. })));
    }
}
