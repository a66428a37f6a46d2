//! Files and folders that appear whole or not at all.
//!
//! [`StagedFile`] and [`StagedDir`] are the only ways in which envship creates
//! something that it leaves behind: staged beside its destination, synced,
//! renamed into place, and removed when dropped before that.

use std::io::{self, Write};
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Explain;

/// What to do with what is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// Fail with [`Error::Exists`].
    Refuse,
    /// Replace it.
    Replace,
}

/// Something can't be put where it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` exists", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` is a directory", path.display())]
    IsADirectory { path: PathBuf },
    #[error("`{}` is a device, a pipe or a socket", path.display())]
    Special { path: PathBuf },
    #[error("`{}` is not empty", path.display())]
    NotEmpty { path: PathBuf },
    #[error("`{}` is no directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("`{}` is a link to `{}`, which is not there", path.display(), target.display())]
    Dangling { path: PathBuf, target: PathBuf },
    #[error("the working directory is gone, and `{}` is relative to it", path.display())]
    NoWorkingDirectory { path: PathBuf },
    #[error("can't write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::NoWorkingDirectory { .. } => "change into a folder that exists",
            Error::Exists { .. } => "replace it with --force, or choose another name",
            Error::Special { .. } => "choose a file; what is there is never replaced",
            Error::IsADirectory { .. } => "choose another name; one that ends in `/` asks for a directory",
            Error::NotEmpty { .. } | Error::NotADirectory { .. } | Error::Dangling { .. } => {
                "remove it, or choose a directory that is missing or empty"
            }
            Error::Write { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "create the directory first, or choose another one"
            }
            Error::Write { source, .. } => return source.hint(),
        };
        Some(hint.to_owned())
    }
}

/// For stages that add a path and a hint of their own.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Write { source, .. } => source,
            Error::Exists { .. } | Error::Special { .. } => {
                io::Error::new(io::ErrorKind::AlreadyExists, error)
            }
            Error::NoWorkingDirectory { .. } | Error::Dangling { .. } => {
                io::Error::new(io::ErrorKind::NotFound, error)
            }
            Error::IsADirectory { .. } => io::Error::new(io::ErrorKind::IsADirectory, error),
            Error::NotADirectory { .. } => io::Error::new(io::ErrorKind::NotADirectory, error),
            Error::NotEmpty { .. } => io::Error::new(io::ErrorKind::DirectoryNotEmpty, error),
        }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct StagedFile {
    temp: tempfile::NamedTempFile,
    target: PathBuf,
    on_existing: OnExisting,
    /// How much was written, and how much of that the disk was asked to take.
    written: u64,
    asked: u64,
}

/// How much is written before the disk is asked to take it, in bytes.
const PORTION: u64 = 8 << 20;

impl StagedFile {
    /// Stages a file beside `target`; its mode follows the umask.
    ///
    /// # Errors
    /// If `target` exists and may not be replaced, is a directory, or its
    /// folder is missing or can't be written.
    pub fn create(target: &Path, on_existing: OnExisting) -> Result<Self, Error> {
        let path = target.to_owned();
        if fs_err::metadata(target).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(Error::Special { path });
        }
        match fs_err::symlink_metadata(target) {
            Ok(found) if found.is_dir() => return Err(Error::IsADirectory { path }),
            Ok(_) if on_existing == OnExisting::Refuse => return Err(Error::Exists { path }),
            _ => {}
        }
        let temp = tempfile::Builder::new()
            .prefix(".envship-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(parent(target))
            .map_err(|error| Error::Write { path: path.clone(), source: plain(&error) })?;
        Ok(StagedFile { temp, target: path, on_existing, written: 0, asked: 0 })
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// If the disk is full, or the name was taken meanwhile.
    pub fn commit(self) -> Result<(), Error> {
        let synced = self.temp.as_file().sync_all();
        synced.map_err(|source| Error::Write { path: self.target.clone(), source })?;
        self.commit_unsynced()
    }

    /// Gives the file its name without waiting for the disk: for caches, whose
    /// readers check what they read.
    ///
    /// # Errors
    /// If the name was taken meanwhile.
    pub fn commit_unsynced(self) -> Result<(), Error> {
        let StagedFile { temp, target: path, on_existing, .. } = self;
        let placed = match on_existing {
            OnExisting::Refuse => temp.persist_noclobber(&path),
            OnExisting::Replace => temp.persist(&path),
        };
        match placed.map_err(|error| error.error) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists { path }),
            Err(source) => Err(Error::Write { path, source }),
        }
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.temp.as_file_mut().write(bytes).map_err(|error| {
            io::Error::new(error.kind(), format!("can't write `{}`: {error}", self.target.display()))
        })?;
        self.written += written as u64;
        if self.written - self.asked >= PORTION {
            start_syncing(self.temp.as_file(), self.asked..self.written);
            self.asked = self.written;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temp.as_file_mut().flush()
    }
}

/// Lets the disk take a range of a file while the next is made, so that less
/// is waited for in the end. What goes wrong is told when the file is synced.
fn start_syncing(file: &std::fs::File, range: Range<u64>) {
    #[cfg(target_os = "linux")]
    if let (Ok(start), Ok(length)) = (range.start.try_into(), (range.end - range.start).try_into()) {
        // SAFETY: it changes nothing but when the file reaches the disk.
        unsafe { libc::sync_file_range(file.as_raw_fd(), start, length, libc::SYNC_FILE_RANGE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

/// A file for this run alone, without a name, in the folder of `target`.
///
/// # Errors
/// If no file can be made there.
pub fn unnamed_file(target: &Path) -> io::Result<std::fs::File> {
    tempfile::tempfile_in(parent(target))
}

/// Whether a file lies on another machine, or behind a program that may bring it
/// there, as far as is known: writing and reading it may take long.
pub fn is_remote(file: &std::fs::File) -> bool {
    #[cfg(target_os = "linux")]
    {
        /// As `linux/magic.h` and the file systems' own sources have them: NFS, CIFS,
        /// SMB 1 and 2, FUSE, 9P, Ceph, AFS twice, Lustre, GPFS, `BeeGFS`,
        /// `OrangeFS`, `VirtualBox`.
        const REMOTE: [u32; 14] = [
            0x6969,
            0xff53_4d42,
            0x517b,
            0xfe53_4d42,
            0x6573_5546,
            0x0102_1997,
            0x00c3_6400,
            0x5346_414f,
            0x6b41_4653,
            0x0bd0_0bd0,
            0x4750_4653,
            0x1983_0326,
            0x2003_0528,
            0x786f_4256,
        ];
        // The numbers have 32 bits; some machines' type for them has a sign.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::unnecessary_cast)]
        let kind = |found: rustix::fs::StatFs| found.f_type as u32;
        rustix::fs::fstatfs(file).is_ok_and(|found| REMOTE.contains(&kind(found)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

/// Gives the room of a range of a file back to the disk, where the file system
/// can; what was there is lost.
pub fn give_back(file: &std::fs::File, range: Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(file, hole, range.start, range.end - range.start);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

/// A folder that is being filled.
#[derive(Debug)]
pub struct StagedDir {
    /// Gone once it was committed.
    temp: Option<tempfile::TempDir>,
    target: PathBuf,
    /// Folders above it that were made for it, outermost first.
    made: Vec<PathBuf>,
    place: Place,
}

/// Where a folder is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its target is missing.
    Beside,
    /// Its target is there, with an owner and a mode of its own; it may be a
    /// mount point, or somebody's working directory.
    Inside,
}

impl StagedDir {
    /// Stages a folder for `target`, which must be missing or an empty folder;
    /// missing folders above it are made.
    ///
    /// # Errors
    /// If `target` holds something, is no folder or a link to nothing, or can't
    /// be written.
    pub fn create(target: &Path) -> Result<Self, Error> {
        let path = target.to_owned();
        let failed = |source| Error::Write { path: path.clone(), source };
        let (mut made, mut place) = (Vec::new(), Place::Inside);
        match fs_err::read_dir(target) {
            Ok(entries) => {
                if entries.take(1).count() > 0 {
                    return Err(Error::NotEmpty { path });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(dangling) = dangling(target) {
                    return Err(dangling);
                }
                made = parent(target)
                    .ancestors()
                    .take_while(|above| !is_there(above))
                    .map(Path::to_owned)
                    .collect();
                made.reverse();
                fs_err::create_dir_all(parent(target)).map_err(failed)?;
                place = Place::Beside;
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(Error::NotADirectory { path });
            }
            Err(error) => return Err(failed(error)),
        }
        let temp = tempfile::Builder::new()
            .prefix(".envship-")
            .permissions(std::fs::Permissions::from_mode(0o777))
            .tempdir_in(if place == Place::Beside { parent(target) } else { target })
            .map_err(|error| failed(plain(&error)))?;
        Ok(StagedDir { temp: Some(temp), target: path, made, place })
    }

    /// Where to put the contents.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temp.as_ref().map_or(&self.target, tempfile::TempDir::path)
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// If something came in its way.
    pub fn commit(mut self) -> Result<(), Error> {
        let placed = match self.place {
            Place::Beside => fs_err::rename(self.path(), &self.target),
            Place::Inside => move_all(self.path(), &self.target),
        };
        placed.map_err(|source| Error::Write { path: self.target.clone(), source })?;
        if self.place == Place::Inside {
            return Ok(());
        }
        // What was renamed must not be removed, nor what it lies in.
        self.made.clear();
        if let Some(temp) = self.temp.take() {
            let _ = temp.keep();
        }
        Ok(())
    }
}

/// Moves everything that is in one folder into another.
fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        fs_err::rename(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Removes what was staged, and the folders that were made for it alone.
impl Drop for StagedDir {
    fn drop(&mut self) {
        drop(self.temp.take());
        for folder in self.made.iter().rev() {
            let _ = fs_err::remove_dir(folder);
        }
    }
}

/// The link to nothing that a path leads through or is. No folder can be made
/// or renamed to where one is.
fn dangling(path: &Path) -> Option<Error> {
    // A slash at its end would follow the link.
    let path: PathBuf = path.components().collect();
    path.ancestors().take_while(|above| !is_there(above)).find_map(|above| {
        let target = fs_err::read_link(above).ok()?;
        Some(Error::Dangling { path: above.to_owned(), target })
    })
}

fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.exists()
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

/// The path from the root, links kept as they are.
///
/// # Errors
/// If it is relative to a working directory that was removed.
pub fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|_| Error::NoWorkingDirectory { path: path.to_owned() })
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

/// Without the random name of what is staged, which nobody has to know and
/// which `tempfile` appends.
fn plain(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
}
