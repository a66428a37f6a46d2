//! What is compressed in the reading pass waits here to be written: a file
//! without a name, beside the archive.
//!
//! Its room goes back to the disk piece by piece, as the archive takes it, and at
//! once if the archive needs it. Nothing depends on it: what is not kept, or is
//! damaged, is made anew by the writing pass.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::readings::{MOMENT, Stamp};
use crate::cache::Key;
use crate::entry::{self, Content, DiskPath, Measured, Node};
use crate::fs;

/// Pieces begin at multiples of so many bytes, so that the room of each can go
/// back.
const PAGE: u64 = 4096;

/// By what the files of a piece are known, when they were read or later.
#[derive(Clone, Default)]
pub(super) struct Stamps(Sha256);

impl Stamps {
    pub(super) fn add(&mut self, stamp: &Stamp) {
        let Stamp::File(device, inode, size, modified, changed) = stamp else { return };
        for number in [*device, *inode, *size] {
            self.0.update(number.to_le_bytes());
        }
        for (seconds, nanoseconds) in [modified, changed] {
            self.0.update(seconds.to_le_bytes());
            self.0.update(nanoseconds.to_le_bytes());
        }
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Pieces by key, each of which is taken once.
pub struct Spool {
    begun: SystemTime,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    file: Arc<File>,
    /// Where the next piece begins.
    end: u64,
    pieces: HashMap<Key, Piece>,
}

struct Piece {
    start: u64,
    length: usize,
    crc: u32,
    stamps: [u8; 32],
}

impl Spool {
    /// Beside an archive; nothing if no file can be made there, or none that is
    /// faster to read than what it is made from.
    #[must_use]
    pub fn beside(archive: &Path) -> Option<Self> {
        Spool::beside_at(archive, SystemTime::now())
    }

    /// As if it were `begun` now.
    pub(super) fn beside_at(archive: &Path, begun: SystemTime) -> Option<Self> {
        let file = fs::unnamed_file(archive).ok().filter(|file| !fs::is_remote(file))?;
        let kept = Kept { file: file.into(), end: 0, pieces: HashMap::new() };
        Some(Spool { begun, kept: Mutex::new(Some(kept)) })
    }

    /// Keeps a piece that comes in two parts.
    pub(super) fn put(&self, key: Key, stamps: Stamps, [head, tail]: [&[u8]; 2]) {
        let length = head.len() + tail.len();
        let Some((file, start)) = self.reserve(length as u64) else { return };
        let written =
            file.write_all_at(head, start).and_then(|()| file.write_all_at(tail, start + head.len() as u64));
        let mut crc = crc32fast::Hasher::new();
        crc.update(head);
        crc.update(tail);
        let piece = Piece { start, length, crc: crc.finalize(), stamps: stamps.finish() };
        let mut kept = self.lock();
        match (&mut *kept, written) {
            (Some(kept), Ok(())) => drop(kept.pieces.insert(key, piece)),
            (kept, _) => *kept = None,
        }
    }

    /// Whether a piece is kept.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.lock().as_ref().is_some_and(|kept| kept.pieces.contains_key(key))
    }

    /// A piece that was kept.
    pub(super) fn take(&self, key: &Key) -> Option<Vec<u8>> {
        let (file, Piece { start, length, crc, .. }) = {
            let mut kept = self.lock();
            let kept = kept.as_mut()?;
            (Arc::clone(&kept.file), kept.pieces.remove(key)?)
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, start).ok()?;
        fs::give_back(&file, start..(start + length as u64).next_multiple_of(PAGE));
        (crc32fast::hash(&bytes) == crc).then_some(bytes)
    }

    /// Whether anything can be kept.
    pub(super) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Keeps nothing any more: its room goes back to the disk. Tells whether there
    /// was any.
    pub(super) fn close(&self) -> bool {
        self.lock().take().is_some()
    }

    /// Whether a piece is kept and of these entries, whose files are still those
    /// that were read. A file that changed a moment before the spool was made may have
    /// changed once more without a new time.
    pub(super) fn is_current(&self, key: &Key, entries: &[Measured]) -> bool {
        let Some(expected) = self.lock().as_ref().and_then(|kept| Some(kept.pieces.get(key)?.stamps)) else {
            return false;
        };
        let limit = self.begun.checked_sub(MOMENT).unwrap_or(UNIX_EPOCH);
        let mut stamps = Stamps::default();
        let mut add = |path: &DiskPath| {
            let found = fs_err::metadata(path.to_path()).map(|found| Stamp::of_file(&found));
            found.is_ok_and(|stamp| {
                stamps.add(&stamp);
                stamp.is_before(limit)
            })
        };
        let mut all = entries.iter().map(|item| match &item.entry.node {
            Node::File(entry::File { content: Content::Disk { path, .. }, .. }) => add(path),
            _ => true,
        });
        all.all(|is_old| is_old) && stamps.finish() == expected
    }

    fn reserve(&self, length: u64) -> Option<(Arc<File>, u64)> {
        let mut kept = self.lock();
        let Kept { file, end, .. } = kept.as_mut()?;
        let start = *end;
        *end = (start + length).next_multiple_of(PAGE);
        Some((Arc::clone(file), start))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_piece_is_taken_once_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        spool.put([1; 32], Stamps::default(), [b"one", b"!"]);
        spool.put([2; 32], Stamps::default(), [b"", b"two"]);
        assert_eq!(spool.take(&[1; 32]).as_deref(), Some(&b"one!"[..]));
        assert_eq!(spool.take(&[2; 32]).as_deref(), Some(&b"two"[..]));
        assert_eq!(spool.take(&[2; 32]), None);
        assert_eq!(spool.take(&[3; 32]), None);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "nothing has a name");
    }

    #[test]
    fn a_damaged_piece_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        spool.put([1; 32], Stamps::default(), [b"one", b"!"]);
        spool.lock().as_ref().unwrap().file.write_all_at(b"0", 2).unwrap();
        assert_eq!(spool.take(&[1; 32]), None);
    }

    #[test]
    fn where_no_file_can_be_made_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Spool::beside(&folder.path().join("missing/archive")).is_none());
    }

    #[test]
    fn what_is_closed_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        spool.put([1; 32], Stamps::default(), [b"one", b""]);
        assert!(spool.close() && !spool.close());
        spool.put([2; 32], Stamps::default(), [b"two", b""]);
        assert!(!spool.is_open() && !spool.has(&[1; 32]) && !spool.has(&[2; 32]));
    }

    #[test]
    fn what_was_taken_needs_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        let blocks = || spool.lock().as_ref().unwrap().file.metadata().unwrap().blocks();
        for number in 0..9 {
            spool.put([number; 32], Stamps::default(), [&vec![number; 99_999], &[]]);
        }
        assert!(blocks() * 512 >= 9 * 99_999);
        for number in 0..9 {
            assert_eq!(spool.take(&[number; 32]).unwrap(), vec![number; 99_999]);
        }
        assert_eq!(blocks(), 0);
    }
}
