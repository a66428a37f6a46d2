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

use sha2::{Digest, Sha256};

use super::readings::Stamp;
use crate::cache::Key;
use crate::entry::{self, Content, Measured, Node};
use crate::fs;

/// Pieces begin at multiples of so many bytes, so that the room of each can go
/// back.
const PAGE: u64 = 4096;

/// By what the files of a piece are known, in their order.
#[derive(Default)]
pub(super) struct Stamps(Sha256);

impl Stamps {
    pub(super) fn add(&mut self, stamp: &Stamp) {
        self.0.update(postcard::to_stdvec(stamp).expect("a stamp is a few numbers"));
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Pieces by key, each of which is taken once.
pub struct Spool(Mutex<Kept>);

struct Kept {
    /// Nothing once it was closed.
    file: Option<Arc<File>>,
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
        let file = fs::unnamed_file(archive).ok().filter(|file| !fs::is_remote(file))?;
        let kept = Kept { file: Some(file.into()), end: 0, pieces: HashMap::new() };
        Some(Spool(Mutex::new(kept)))
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
        kept.pieces.insert(key, piece);
        if written.is_err() {
            kept.file = None;
        }
    }

    /// Whether a piece was kept, and not taken yet; it may be lost by now.
    pub(super) fn was_put(&self, key: &Key) -> bool {
        self.lock().pieces.contains_key(key)
    }

    /// Whether a piece can be taken.
    fn has(&self, key: &Key) -> bool {
        self.is_open() && self.was_put(key)
    }

    /// A piece that was kept, unless it is lost.
    pub(super) fn take(&self, key: &Key) -> Option<Vec<u8>> {
        let (file, Piece { start, length, crc, .. }) = {
            let mut kept = self.lock();
            (kept.file.clone()?, kept.pieces.remove(key)?)
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, start).ok()?;
        fs::give_back(&file, start..(start + length as u64).next_multiple_of(PAGE));
        (crc32fast::hash(&bytes) == crc).then_some(bytes)
    }

    /// Whether anything can be kept.
    pub(super) fn is_open(&self) -> bool {
        self.lock().file.is_some()
    }

    /// Keeps nothing any more: its room goes back to the disk. Tells whether there
    /// was any.
    pub(super) fn close(&self) -> bool {
        self.lock().file.take().is_some()
    }

    /// Whether a piece can be taken, and is of these entries, whose files are still
    /// those that were read.
    pub(super) fn is_current(&self, key: &Key, entries: &[Measured]) -> bool {
        if !self.has(key) {
            return false;
        }
        let expected = self.lock().pieces.get(key).map(|piece| piece.stamps);
        let mut stamps = Stamps::default();
        for item in entries {
            if let Node::File(entry::File { content: Content::Disk { path, .. }, .. }) = &item.entry.node {
                let Ok(found) = fs_err::metadata(path.to_path()) else { return false };
                stamps.add(&Stamp::of_file(&found));
            }
        }
        expected == Some(stamps.finish())
    }

    fn reserve(&self, length: u64) -> Option<(Arc<File>, u64)> {
        let mut kept = self.lock();
        let file = kept.file.clone()?;
        let start = kept.end;
        kept.end = (start + length).next_multiple_of(PAGE);
        Some((file, start))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
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
        spool.lock().file.as_ref().unwrap().write_all_at(b"0", 2).unwrap();
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
        let blocks = || spool.lock().file.as_ref().unwrap().metadata().unwrap().blocks();
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
