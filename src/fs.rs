//! Files and folders that appear whole or not at all.
//!
//! [`StagedFile`] and [`StagedDir`] are the only ways in which envship creates
//! something that it leaves behind: staged beside its destination, synced,
//! renamed into place, and removed when dropped before that.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What to do with what is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// Fail with [`io::ErrorKind::AlreadyExists`].
    Refuse,
    /// Replace it.
    Replace,
}

/// A file that is being written.
#[derive(Debug)]
pub struct StagedFile {
    temp: tempfile::NamedTempFile,
    target: PathBuf,
    on_existing: OnExisting,
}

impl StagedFile {
    /// Stages a file beside `target`; its mode follows the umask.
    ///
    /// # Errors
    /// If `target` exists and may not be replaced, is a directory, or its
    /// folder is missing or can't be written.
    pub fn create(target: &Path, on_existing: OnExisting) -> io::Result<Self> {
        match fs_err::symlink_metadata(target) {
            Ok(found) if found.is_dir() => {
                return Err(named(io::ErrorKind::IsADirectory, target, "is a directory"));
            }
            Ok(_) if on_existing == OnExisting::Refuse => {
                return Err(named(io::ErrorKind::AlreadyExists, target, "exists"));
            }
            _ => {}
        }
        let temp = tempfile::Builder::new()
            .prefix(".envship-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(parent(target))
            .map_err(|error| named(error.kind(), target, &format!("can't be created: {error}")))?;
        Ok(StagedFile { temp, target: target.to_owned(), on_existing })
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// If the disk is full, or the name was taken meanwhile.
    pub fn commit(self) -> io::Result<()> {
        let StagedFile { temp, target, on_existing } = self;
        temp.as_file().sync_all()?;
        match on_existing {
            OnExisting::Refuse => temp.persist_noclobber(&target),
            OnExisting::Replace => temp.persist(&target),
        }
        .map(drop)
        .map_err(|error| {
            named(error.error.kind(), &target, &format!("can't be put in place: {}", error.error))
        })
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temp
            .as_file_mut()
            .write(bytes)
            .map_err(|error| named(error.kind(), &self.target, &error.to_string()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temp.as_file_mut().flush()
    }
}

/// A folder that is being filled.
#[derive(Debug)]
pub struct StagedDir {
    temp: tempfile::TempDir,
    target: PathBuf,
}

impl StagedDir {
    /// Stages a folder beside `target`, which must be missing or an empty
    /// folder; missing folders above it are made.
    ///
    /// # Errors
    /// If `target` holds something, is no folder, or can't be written.
    pub fn create(target: &Path) -> io::Result<Self> {
        match fs_err::read_dir(target) {
            Ok(entries) => {
                if entries.take(1).count() > 0 {
                    return Err(named(io::ErrorKind::DirectoryNotEmpty, target, "is not empty"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs_err::create_dir_all(parent(target))?,
            Err(error) => return Err(error),
        }
        let temp = tempfile::Builder::new()
            .prefix(".envship-")
            .permissions(std::fs::Permissions::from_mode(0o777))
            .tempdir_in(parent(target))
            .map_err(|error| named(error.kind(), target, &format!("can't be created: {error}")))?;
        Ok(StagedDir { temp, target: target.to_owned() })
    }

    /// Where to put the contents.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// If something came in its way.
    pub fn commit(self) -> io::Result<()> {
        fs_err::rename(self.temp.path(), &self.target)?;
        // What was renamed must not be removed.
        let _ = self.temp.keep();
        Ok(())
    }
}

/// Passes bytes on and remembers their SHA-256 and their number.
pub struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    written: u64,
}

impl<W: Write> Hashing<W> {
    /// Hashes all that is written to `inner` through it.
    pub fn new(inner: W) -> Self {
        Hashing { inner, hasher: Sha256::new(), written: 0 }
    }

    /// The inner writer, the SHA-256 and the number of bytes.
    pub fn finish(self) -> (W, [u8; 32], u64) {
        (self.inner, self.hasher.finalize().into(), self.written)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The SHA-256 of a file, read as a stream.
///
/// # Errors
/// If it can't be read.
pub fn sha256_of_file(path: &Path) -> io::Result<[u8; 32]> {
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut fs_err::File::open(path)?, &mut hashing)?;
    Ok(hashing.finish().1)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn named(kind: io::ErrorKind, path: &Path, what: &str) -> io::Error {
    io::Error::new(kind, format!("`{}` {what}", path.display()))
}
