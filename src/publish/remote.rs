//! An archive that lies elsewhere, read by the parts that are asked for.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::Backend;
use super::error::Error;
use super::http;
use super::location::Location;
use super::spool::Spool;
use super::store::{Published, Store};
use crate::interrupt;
use crate::progress::{Progress, Step};

/// How much is asked for at once: enough for a connection to reach its speed,
/// little enough for a zip's directory to cost one request or two.
pub(super) const WINDOW: u64 = 4 << 20;

/// How many windows are kept: threads that unpack a zip read side by side.
const KEPT: usize = 4;

/// Gives parts of an archive, all of which are there.
pub(super) trait Parts: Send + Sync {
    fn part(&self, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// Whether it is on this machine already.
    fn is_here(&self) -> bool {
        false
    }
}

/// An archive in a store.
struct Object {
    backend: Arc<dyn Backend>,
    name: String,
}

impl Parts for Object {
    fn part(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.backend.read_range(&self.name, range)
    }
}

/// An archive that lies elsewhere and can be read as if it lay here.
pub struct Remote {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Box<dyn Parts>,
    size: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The windows that were read last, by their numbers.
    recent: VecDeque<(u64, Arc<Vec<u8>>)>,
    /// Why reading stopped, which an [`io::Error`] can't carry.
    failure: Option<Error>,
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
        Ok(Remote::new(Box::new(Object { backend, name }), size))
    }
}

impl Remote {
    /// Finds the archive at a URL: one that archives are published to, or a
    /// web address. A server that gives no parts of it gives it whole.
    ///
    /// # Errors
    /// If there is none, it can't be read, or the URL is of another kind.
    pub fn open(url: &str, progress: &dyn Progress) -> Result<Remote, Error> {
        if http::is_address(url) {
            return http::open(url, progress);
        }
        match Location::parse(url) {
            Err(Error::UnknownScheme { scheme, known }) => {
                Err(Error::UnknownScheme { scheme, known: format!("{}, {known}", http::NAMES) })
            }
            location => location?.archive(),
        }
    }

    /// What comes through a pipe, read to its end.
    ///
    /// # Errors
    /// If it can't be read, or the folder for temporary files can't be written.
    pub fn of_pipe(pipe: &mut fs_err::File, progress: &dyn Progress) -> Result<Remote, Error> {
        let mut spool = Spool::new()?;
        let mut buffer = vec![0; 256 * 1024];
        progress.begin(Step::Download, None);
        loop {
            interrupt::check()?;
            let length = pipe.read(&mut buffer).map_err(|source| Error::Local {
                action: "read",
                path: pipe.path().to_owned(),
                source,
            })?;
            if length == 0 {
                break;
            }
            spool.push(&buffer[..length])?;
            progress.advance(length as u64);
        }
        progress.end();
        Ok(spool.into_remote())
    }

    pub(super) fn new(parts: Box<dyn Parts>, size: u64) -> Self {
        Remote { shared: Arc::new(Shared { parts, size, state: Mutex::default() }) }
    }

    /// Knows the first window already.
    pub(super) fn with_first(self, window: Vec<u8>) -> Self {
        self.shared.state().recent.push_back((0, Arc::new(window)));
        self
    }

    /// Brings it to this machine, for who reads it more than once.
    ///
    /// # Errors
    /// If it can't be read, or the folder for temporary files can't be written.
    pub fn fetch(self, progress: &dyn Progress) -> Result<Remote, Error> {
        if self.shared.parts.is_here() {
            return Ok(self);
        }
        let mut spool = Spool::new()?;
        progress.begin(Step::Download, Some(self.shared.size));
        for window in 0..self.shared.size.div_ceil(WINDOW) {
            let bytes = self.shared.window(window)?;
            spool.push(&bytes)?;
            progress.advance(bytes.len() as u64);
        }
        progress.end();
        Ok(spool.into_remote())
    }

    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.size
    }

    /// A reader of its own, at the beginning.
    #[must_use]
    pub fn reader(&self) -> RemoteReader {
        RemoteReader { shared: Arc::clone(&self.shared), position: 0, window: None }
    }

    /// What the server said when reading failed.
    pub fn failure(&self) -> Option<Error> {
        self.shared.state().failure.take()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A window by its number. Who wants the same one meanwhile waits for it.
    fn window(&self, number: u64) -> Result<Arc<Vec<u8>>, Error> {
        let mut state = self.state();
        if let Some((_, bytes)) = state.recent.iter().find(|(known, _)| *known == number) {
            return Ok(Arc::clone(bytes));
        }
        interrupt::check()?;
        let start = number * WINDOW;
        let bytes = Arc::new(self.parts.part(start..self.size.min(start + WINDOW))?);
        state.recent.push_back((number, Arc::clone(&bytes)));
        if state.recent.len() > KEPT {
            state.recent.pop_front();
        }
        Ok(bytes)
    }
}

/// Reads windows of an archive.
pub struct RemoteReader {
    shared: Arc<Shared>,
    position: u64,
    /// What was read last, by its number.
    window: Option<(u64, Arc<Vec<u8>>)>,
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.shared.size || buffer.is_empty() {
            return Ok(0);
        }
        let number = self.position / WINDOW;
        let bytes = match &self.window {
            Some((known, bytes)) if *known == number => Arc::clone(bytes),
            _ => self.shared.window(number).map_err(|error| {
                let text = error.to_string();
                self.shared.state().failure.get_or_insert(error);
                io::Error::other(text)
            })?,
        };
        let offset = usize::try_from(self.position % WINDOW).map_err(io::Error::other)?;
        let known =
            bytes.get(offset..).filter(|rest| !rest.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = known.len().min(buffer.len());
        buffer[..length].copy_from_slice(&known[..length]);
        self.position += length as u64;
        self.window = Some((number, bytes));
        Ok(length)
    }
}

impl Seek for RemoteReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.shared.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn check(remote: &Remote, bytes: &[u8]) {
        let mut all = Vec::new();
        remote.reader().read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        let mut reader = remote.reader();
        for from in [WINDOW + 7, 3, 2 * WINDOW - 5, 2 * WINDOW + 990] {
            let mut ten = [0; 10];
            reader.seek(SeekFrom::Start(from)).unwrap();
            reader.read_exact(&mut ten).unwrap();
            assert_eq!(ten, bytes[usize::try_from(from).unwrap()..][..10]);
        }
        assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), bytes.len() as u64);
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn any_place_of_a_published_archive_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..(2 * WINDOW + 1000)).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let path = folder.path().join("env.tar");
        fs_err::write(&path, &bytes).unwrap();
        let location = Location::parse(path.to_str().unwrap()).unwrap();
        check(&location.archive().unwrap(), &bytes);
        let fetched = location.archive().unwrap().fetch(&Silent).unwrap();
        check(&Remote::of_pipe(&mut fs_err::File::open(&path).unwrap(), &Silent).unwrap(), &bytes);
        fs_err::remove_file(&path).unwrap();
        check(&fetched, &bytes);
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
