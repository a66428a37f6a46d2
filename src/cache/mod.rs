//! What earlier runs made and later ones can use again, by key.
//!
//! One folder holds it all, a subfolder for each [`Kind`]; anything in it may
//! be deleted at any time, but for compiled modules that a run is about to
//! archive: it reads them where they lie. A piece is whole or not there: it is
//! staged and renamed, its SHA-256 stands behind it, and what doesn't match is
//! removed and made anew. Many processes may use the folder at once; only
//! [`clean()`] waits until nobody does.
//!
//! A cache never makes a run fail. What goes wrong is remembered, and
//! [`Cache::close`] tells.

mod clean;
mod prune;

use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use clean::{Content, clean, contents};
pub use prune::{BadLimit, Limit};

use fs_err::File;
use sha2::{Digest, Sha256};

use crate::fs::{OnExisting, StagedFile};

/// SHA-256 of everything that a piece depends on.
pub type Key = [u8; 32];

/// The bytes of the SHA-256 behind a piece.
const CHECKSUM: usize = 32;

/// A use is noted only this often, so that reading doesn't write. A piece that
/// is younger may be in use.
const RECENT: Duration = Duration::from_hours(1);

/// The kinds of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compiled Python modules.
    Bytecode,
    /// Compressed stretches of archives.
    Segments,
    /// What reading the files of an environment found.
    Readings,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Bytecode, Kind::Segments, Kind::Readings];

    /// Of its folder, and for users.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bytecode => "bytecode",
            Kind::Segments => "segments",
            Kind::Readings => "readings",
        }
    }
}

/// The user's cache, open.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// Held as long as the cache is open, so that nobody cleans it meanwhile.
    _in_use: Option<std::fs::File>,
    added: AtomicU64,
    damaged: AtomicU64,
    failure: Mutex<Option<String>>,
}

/// What a run should tell of its cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Pieces that were damaged.
    pub damaged: u64,
    /// Why nothing could be kept.
    pub failure: Option<String>,
}

impl Cache {
    /// Opens the cache in `root`, which need not be there yet.
    #[must_use]
    pub fn open(root: PathBuf) -> Self {
        let in_use = fs_err::create_dir_all(&root).and_then(|()| lock_file(&root));
        let (in_use, failure) = match in_use {
            Ok(file) => (file.lock_shared().is_ok().then_some(file), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Cache {
            root,
            _in_use: in_use,
            added: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            failure: Mutex::new(failure),
        }
    }

    /// Where pieces of a kind lie.
    #[must_use]
    pub fn folder(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.name())
    }

    /// Whether a file lies in the cache.
    #[must_use]
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// A piece that was kept before.
    #[must_use]
    pub fn get(&self, kind: Kind, key: &Key) -> Option<Vec<u8>> {
        let path = self.path(kind, key);
        let mut bytes = read(&path).ok()?;
        let length = bytes.len().checked_sub(CHECKSUM);
        let sum = |length: usize| checksum(kind, key, &bytes[..length]);
        if let Some(length) = length.filter(|length| sum(*length) == bytes[*length..]) {
            note_use(&path);
            bytes.truncate(length);
            return Some(bytes);
        }
        self.discard(&path);
        None
    }

    /// Whether there is a piece, sound or not.
    #[must_use]
    pub fn has(&self, kind: Kind, key: &Key) -> bool {
        self.path(kind, key).exists()
    }

    /// Removes a damaged piece, and remembers to tell.
    pub fn discard(&self, piece: &Path) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
        let _ = remove(piece);
    }

    /// Removes a piece whose content turned out not to be what its key says.
    pub fn forget(&self, kind: Kind, key: &Key) {
        let _ = remove(&self.path(kind, key));
    }

    /// Keeps a piece that comes in parts.
    pub fn put(&self, kind: Kind, key: &Key, parts: &[&[u8]]) {
        if self.failure().is_some() {
            return;
        }
        let mut bytes = parts.concat();
        bytes.extend(checksum(kind, key, &bytes));
        match self.write(&self.path(kind, key), &bytes) {
            Ok(()) => drop(self.added.fetch_add(bytes.len() as u64, Ordering::Relaxed)),
            Err(error) => self.fail(&error),
        }
    }

    /// Counts bytes that were put there by other means.
    pub fn count(&self, bytes: u64) {
        self.added.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Remembers why nothing can be kept.
    pub fn fail(&self, reason: &io::Error) {
        self.failure().get_or_insert_with(|| reason.to_string());
    }

    /// Makes room if there is too much by now, and tells what went wrong.
    pub fn close(self, limit: Limit) -> Troubles {
        let added = self.added.load(Ordering::Relaxed);
        let damaged = self.damaged.load(Ordering::Relaxed);
        let mut failure = self.failure().take();
        // Where nothing could be written there may be too much, too.
        if failure.is_some() || added > 0 {
            let pruned = prune::keep_below(&self.root, limit, added);
            failure = failure.or_else(|| pruned.err().map(|error| error.to_string()));
        }
        Troubles { damaged, failure }
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two digits of the key make a folder, since large folders are slow.
    fn path(&self, kind: Kind, key: &Key) -> PathBuf {
        let name = hex::encode(key);
        let (folder, rest) = name.split_at(2);
        self.folder(kind).join(folder).join(rest)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let staged = || StagedFile::create(path, OnExisting::Replace);
        let mut file = if let Ok(file) = staged() {
            file
        } else {
            fs_err::create_dir_all(path.parent().unwrap_or(&self.root))?;
            staged()?
        };
        file.write_all(bytes)?;
        Ok(file.commit_unsynced()?)
    }
}

/// Of a piece and of what it is for: one that lies in the place of another is
/// damaged, too.
fn checksum(kind: Kind, key: &Key, bytes: &[u8]) -> [u8; CHECKSUM] {
    Sha256::new().chain_update(kind.name()).chain_update(key).chain_update(bytes).finalize().into()
}

/// Removes whatever is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
    }
}

/// The place of the user's cache: `ENVSHIP_CACHE_DIR`, else what the XDG base
/// directories give; `None` without a home.
#[must_use]
pub fn root() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    variable("ENVSHIP_CACHE_DIR")
        .or_else(|| Some(variable("XDG_CACHE_HOME").filter(absolute)?.join("envship")))
        .or_else(|| Some(variable("HOME").filter(absolute)?.join(".cache/envship")))
}

/// Remembers that a piece was used, for the least recently used goes first.
pub fn note_use(path: &Path) {
    let now = SystemTime::now();
    let noted = fs_err::metadata(path).and_then(|metadata| metadata.modified());
    // In time: what is older than that may be removed at once.
    if noted.is_ok_and(|noted| now.duration_since(noted).is_ok_and(|age| age > RECENT / 2)) {
        let _ = File::open(path).and_then(|file| file.file().set_modified(now));
    }
}

fn lock_file(root: &Path) -> io::Result<std::fs::File> {
    let path = root.join("lock");
    clear(&path)?;
    fs_err::OpenOptions::new().create(true).truncate(false).write(true).open(path).map(File::into_file)
}

/// Removes what is in the place of a file and is neither that nor a folder: a
/// pipe would be waited for, a link followed.
fn clear(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => fs_err::remove_file(path),
        _ => Ok(()),
    }
}

/// Whether nobody has the cache open; nobody can open it until the answer is
/// dropped.
fn unused(root: &Path) -> io::Result<Option<std::fs::File>> {
    let file = lock_file(root)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The bytes of a piece; none of what is no file, as a pipe, which would be
/// waited for.
///
/// # Errors
/// If there is nothing, or it can't be read.
pub fn read(piece: &Path) -> io::Result<Vec<u8>> {
    if fs_err::symlink_metadata(piece)?.is_file() { fs_err::read(piece) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = [7; 32];

    #[test]
    fn what_was_put_can_be_had_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"));
        assert_eq!(cache.get(Kind::Segments, &KEY), None);
        cache.put(Kind::Segments, &KEY, &[b"one ", b"two"]);
        assert_eq!(cache.get(Kind::Segments, &KEY).unwrap(), b"one two");
        assert_eq!(cache.get(Kind::Readings, &KEY), None);
        assert_eq!(cache.close(Limit::default()), Troubles::default());
    }

    #[test]
    fn a_pipe_in_the_place_of_a_piece_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        cache.put(Kind::Segments, &KEY, &[b"abc"]);
        let path = cache.path(Kind::Segments, &KEY);
        fs_err::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(cache.get(Kind::Segments, &KEY), None);
        cache.put(Kind::Segments, &KEY, &[b"abc"]);
        assert_eq!(cache.get(Kind::Segments, &KEY).as_deref(), Some(&b"abc"[..]));
        assert_eq!(cache.close(Limit::default()).damaged, 1);
    }

    #[test]
    fn a_damaged_piece_is_told_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        for damage in [|bytes: &mut Vec<u8>| bytes[1] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(3)] {
            cache.put(Kind::Segments, &KEY, &[b"one two"]);
            let path = cache.path(Kind::Segments, &KEY);
            let mut bytes = fs_err::read(&path).unwrap();
            damage(&mut bytes);
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(cache.get(Kind::Segments, &KEY), None);
            assert!(!path.exists());
        }
        assert_eq!(cache.close(Limit::default()).damaged, 2);
    }

    #[test]
    fn a_piece_in_the_place_of_another_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        let other: Key = [8; 32];
        cache.put(Kind::Segments, &KEY, &[b"one"]);
        for (kind, key) in [(Kind::Segments, other), (Kind::Readings, KEY)] {
            cache.put(kind, &key, &[b"two"]);
            fs_err::copy(cache.path(Kind::Segments, &KEY), cache.path(kind, &key)).unwrap();
            assert_eq!(cache.get(kind, &key), None);
        }
        assert_eq!(cache.get(Kind::Segments, &KEY).unwrap(), b"one");
        assert_eq!(cache.close(Limit::default()).damaged, 2);
    }

    #[test]
    fn a_folder_in_the_place_of_a_piece_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        let path = cache.path(Kind::Segments, &KEY);
        fs_err::create_dir_all(path.join("below")).unwrap();
        assert_eq!(cache.get(Kind::Segments, &KEY), None);
        cache.put(Kind::Segments, &KEY, &[b"one"]);
        assert_eq!(cache.get(Kind::Segments, &KEY).as_deref(), Some(&b"one"[..]));
        assert_eq!(cache.close(Limit::default()), Troubles { damaged: 1, failure: None });
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_told_and_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs_err::write(&file, "").unwrap();
        let cache = Cache::open(file.join("cache"));
        cache.put(Kind::Segments, &KEY, &[b"one"]);
        assert_eq!(cache.get(Kind::Segments, &KEY), None);
        assert!(cache.close(Limit::default()).failure.unwrap().contains("file"));
    }
}
