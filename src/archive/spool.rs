//! What is compressed in the reading pass waits here to be written: a file
//! without a name, beside the archive.
//!
//! Its room goes back to the disk piece by piece, as the archive takes it: both
//! together hardly need more than the archive in the end. Nothing depends on it.
//! If something can't be kept, by a full disk for example, the writing pass makes
//! it.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::Key;
use crate::fs;

/// Pieces begin at multiples of so many bytes, so that the room of each can go
/// back.
const PAGE: u64 = 4096;

/// Pieces by key, each of which is taken once.
pub struct Spool(Mutex<Option<Kept>>);

struct Kept {
    file: Arc<File>,
    /// Where the next piece begins.
    end: u64,
    pieces: HashMap<Key, Range<u64>>,
}

impl Spool {
    /// Beside an archive; it keeps nothing if no file can be made there, or none
    /// that is faster to read than what it would be made from.
    #[must_use]
    pub fn beside(archive: &Path) -> Self {
        let file = fs::unnamed_file(archive).ok().filter(|file| !fs::is_remote(file));
        let kept = file.map(|file| Kept { file: file.into(), end: 0, pieces: HashMap::new() });
        Spool(Mutex::new(kept))
    }

    /// Keeps a piece that comes in two parts.
    pub(super) fn put(&self, key: Key, [head, tail]: [&[u8]; 2]) {
        let length = (head.len() + tail.len()) as u64;
        let Some((file, start)) = self.reserve(length) else { return };
        let written =
            file.write_all_at(head, start).and_then(|()| file.write_all_at(tail, start + head.len() as u64));
        let mut kept = self.lock();
        match (&mut *kept, written) {
            (Some(kept), Ok(())) => drop(kept.pieces.insert(key, start..start + length)),
            (kept, _) => *kept = None,
        }
    }

    /// Whether a piece is kept.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.lock().as_ref().is_some_and(|kept| kept.pieces.contains_key(key))
    }

    /// A piece that was kept.
    pub(super) fn take(&self, key: &Key) -> Option<Vec<u8>> {
        let (file, place) = {
            let mut kept = self.lock();
            let kept = kept.as_mut()?;
            (Arc::clone(&kept.file), kept.pieces.remove(key)?)
        };
        let mut bytes = vec![0; usize::try_from(place.end - place.start).ok()?];
        file.read_exact_at(&mut bytes, place.start).ok()?;
        fs::give_back(&file, place.start..place.end.next_multiple_of(PAGE));
        Some(bytes)
    }

    fn reserve(&self, length: u64) -> Option<(Arc<File>, u64)> {
        let mut kept = self.lock();
        let Kept { file, end, .. } = kept.as_mut()?;
        let start = *end;
        *end = (start + length).next_multiple_of(PAGE);
        Some((Arc::clone(file), start))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_piece_is_taken_once_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive"));
        spool.put([1; 32], [b"one", b"!"]);
        spool.put([2; 32], [b"", b"two"]);
        assert_eq!(spool.take(&[1; 32]).as_deref(), Some(&b"one!"[..]));
        assert_eq!(spool.take(&[2; 32]).as_deref(), Some(&b"two"[..]));
        assert_eq!(spool.take(&[2; 32]), None);
        assert_eq!(spool.take(&[3; 32]), None);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "nothing has a name");
    }

    #[test]
    fn where_no_file_can_be_made_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("missing/archive"));
        spool.put([1; 32], [b"one", b""]);
        assert_eq!(spool.take(&[1; 32]), None);
    }

    #[test]
    fn what_was_taken_needs_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::beside(&folder.path().join("archive"));
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
