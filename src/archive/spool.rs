//! What is compressed in the reading pass waits here to be written: a file
//! without a name, beside the archive.
//!
//! Its room goes back to the disk piece by piece, as the archive takes it, and at
//! once if the archive needs it. Nothing depends on it: what is not kept, or is
//! damaged, is made anew by the writing pass.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cache::Key;
use crate::entry::{self, Content, Measured, Node};
use crate::fs;

/// Pieces begin at multiples of so many bytes, so that the room of each can go
/// back.
const PAGE: u64 = 4096;

/// How far the time of a change may lie before the change: file systems count it
/// in steps of a hundredth of a second or less.
const STEP: Duration = Duration::from_millis(10);

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
    pub(super) fn put(&self, key: Key, [head, tail]: [&[u8]; 2]) {
        let length = head.len() + tail.len();
        let Some((file, start)) = self.reserve(length as u64) else { return };
        let written =
            file.write_all_at(head, start).and_then(|()| file.write_all_at(tail, start + head.len() as u64));
        let mut crc = crc32fast::Hasher::new();
        crc.update(head);
        crc.update(tail);
        let piece = Piece { start, length, crc: crc.finalize() };
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
        let (file, Piece { start, length, crc }) = {
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

    /// Whether all files of these entries are as they were when the spool was
    /// made: what was read since then is what is there.
    pub(super) fn is_current(&self, entries: &[Measured]) -> bool {
        let begun = self.begun.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(STEP);
        let is_older = |(seconds, nanoseconds): (i64, i64)| {
            let time = u64::try_from(seconds).ok().zip(u32::try_from(nanoseconds).ok());
            time.is_none_or(|(seconds, nanoseconds)| Duration::new(seconds, nanoseconds) < begun)
        };
        entries.iter().all(|item| match &item.entry.node {
            Node::File(entry::File { content: Content::Disk { path, size }, .. }) => {
                let found = fs_err::metadata(path.to_path());
                found.is_ok_and(|found| found.len() == *size && is_older((found.ctime(), found.ctime_nsec())))
            }
            _ => true,
        })
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
    use super::*;

    #[test]
    fn a_piece_is_taken_once_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        spool.put([1; 32], [b"one", b"!"]);
        spool.put([2; 32], [b"", b"two"]);
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
        spool.put([1; 32], [b"one", b"!"]);
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
        spool.put([1; 32], [b"one", b""]);
        assert!(spool.close() && !spool.close());
        spool.put([2; 32], [b"two", b""]);
        assert!(!spool.is_open() && !spool.has(&[1; 32]) && !spool.has(&[2; 32]));
    }

    #[test]
    fn what_was_taken_needs_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive")).unwrap();
        let blocks = || spool.lock().as_ref().unwrap().file.metadata().unwrap().blocks();
        for number in 0..9 {
            spool.put([number; 32], [&vec![number; 99_999], &[]]);
        }
        assert!(blocks() * 512 >= 9 * 99_999);
        for number in 0..9 {
            assert_eq!(spool.take(&[number; 32]).unwrap(), vec![number; 99_999]);
        }
        assert_eq!(blocks(), 0);
    }
}
