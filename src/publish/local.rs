//! Directories of this machine, mounted file systems among them.

use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backend::{Backend, Found, Sink};
use super::error::Error;
use super::location::Location;
use super::scheme::{FILE, Scheme};
use super::store::Variables;
use crate::artifact::ContentDigest;
use crate::fs::{self, Hashing, OnExisting, StagedFile};
use crate::interrupt;

pub(super) const SCHEME: Scheme = Scheme { names: &[FILE], open };

#[expect(clippy::unnecessary_wraps, reason = "the signature that all schemes have")]
fn open(directory: &Location, _: &Variables) -> Result<Arc<dyn Backend>, Error> {
    let path = directory.local_path().expect("a file URL has a path").to_owned();
    Ok(Arc::new(LocalDirectory { path }))
}

struct LocalDirectory {
    path: PathBuf,
}

impl Backend for LocalDirectory {
    fn check_writable(&self) -> Result<(), Error> {
        let cant = |source| failed("publish into the directory", &self.path, source);
        if !fs_err::metadata(&self.path).map_err(cant)?.is_dir() {
            return Err(cant(io::ErrorKind::NotADirectory.into()));
        }
        tempfile::Builder::new().prefix(".envship-").tempfile_in(&self.path).map(drop).map_err(cant)
    }

    fn keeps_metadata(&self) -> bool {
        false
    }

    fn find(&self, name: &str) -> Result<Option<Found>, Error> {
        let path = self.path.join(name);
        match fs_err::metadata(&path) {
            Ok(found) => Ok(Some(Found { size: found.len(), content_digest: None })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", &path, error)),
        }
    }

    fn hash(&self, name: &str) -> Result<[u8; 32], Error> {
        let path = self.path.join(name);
        hash(&path)
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        let read = || {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
            fs_err::File::open(&path)?.into_parts().0.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes)
        };
        read().map_err(|source| failed("read", &path, source))
    }

    fn read(&self, name: &str) -> Result<Option<String>, Error> {
        let path = self.path.join(name);
        match fs_err::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        let write = || {
            let mut file = StagedFile::create(&path, OnExisting::Replace)?;
            file.write_all(text.as_bytes())?;
            Ok(file.commit()?)
        };
        write().map_err(|source: io::Error| failed("write", &path, source))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        match fs_err::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("replace", &path, error)),
            _ => Ok(()),
        }
    }

    fn create(&self, name: &str, _: ContentDigest, on_existing: OnExisting) -> Result<Box<dyn Sink>, Error> {
        let path = self.path.join(name);
        match StagedFile::create(&path, on_existing) {
            Ok(file) => Ok(Box::new(LocalSink { file, path })),
            Err(fs::Error::Exists { .. }) => Err(exists(&path)),
            Err(error) => Err(failed("create", &path, error.into())),
        }
    }
}

struct LocalSink {
    file: StagedFile,
    path: PathBuf,
}

impl Write for LocalSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for LocalSink {
    fn commit(self: Box<Self>, size: u64, sha256: [u8; 32]) -> Result<(), Error> {
        let LocalSink { file, path } = *self;
        match file.commit() {
            Ok(()) => Ok(()),
            Err(fs::Error::Exists { .. }) => {
                let same =
                    fs_err::metadata(&path).is_ok_and(|found| found.len() == size) && hash(&path)? == sha256;
                if same { Ok(()) } else { Err(exists(&path)) }
            }
            Err(error) => Err(failed("write", &path, error.into())),
        }
    }

    /// The file is removed by being dropped; what made a write fail is in the
    /// error of the write.
    fn abort(self: Box<Self>) -> Option<Error> {
        None
    }
}

fn hash(path: &Path) -> Result<[u8; 32], Error> {
    let read = |source| failed("read", path, source);
    let mut file = fs_err::File::open(path).map_err(read)?;
    let mut hashing = Hashing::new(io::sink());
    let mut buffer = vec![0; 1 << 20];
    loop {
        interrupt::check()?;
        match io::Read::read(&mut file, &mut buffer).map_err(read)? {
            0 => return Ok(hashing.finish().1),
            length => hashing.write_all(&buffer[..length]).map_err(read)?,
        }
    }
}

fn exists(path: &Path) -> Error {
    Error::Exists { url: path.display().to_string() }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Local { action, path: path.to_owned(), source }
}
