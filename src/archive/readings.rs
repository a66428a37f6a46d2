//! What reading the files of an environment found, kept so that a file which
//! didn't change isn't read again.
//!
//! As git's index does, a reading counts as long as the file has the same
//! device, inode, size and times of change. A file that changed a moment
//! before it was read is never kept: a second change might leave the same
//! times.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::shelf::{self, Shelf};
use super::survey::Found;
use crate::cache::{Cache, Key, Kind};
use crate::entry::{Change, Content, Edit, File, Measured, Node, Placeholder, Rewrite};

/// Longer than the steps in which any file system counts time: two seconds on
/// FAT.
pub(super) const MOMENT: Duration = Duration::from_secs(3);

/// Edits of more bytes are found anew.
const LONGEST: usize = 1 << 16;

/// The readings of an environment.
pub struct Readings<'a> {
    place: Option<(&'a Cache, Key)>,
    known: Shelf,
    begun: SystemTime,
}

/// What tells that a file is the one that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stamp {
    /// By device, inode, size, and seconds and nanoseconds of the last change
    /// of content and of metadata.
    File(u64, u64, u64, (i64, i64), (i64, i64)),
    /// A piece of the cache, whose name tells its content and whose times tell
    /// its use.
    Piece(PathBuf),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reading {
    stamp: Stamp,
    executable: bool,
    rewrite: Rewrite,
    size: u64,
    sha256: [u8; 32],
    crc: u32,
    /// Nothing for what is made once more when it is written.
    edits: Option<Vec<Edit>>,
    placeholders: Vec<Placeholder>,
}

/// What is known of a file that wasn't read again.
pub(super) enum Known {
    Whole(Found),
    /// All but how it changes: it is remade.
    Remade(Found),
}

impl<'a> Readings<'a> {
    /// Nothing is known, and nothing will be kept.
    #[must_use]
    pub fn none() -> Self {
        Readings { place: None, known: Shelf::default(), begun: UNIX_EPOCH }
    }

    /// Those that were kept in `cache` by a `key` that says how files are read.
    #[must_use]
    pub fn load(cache: &'a Cache, key: Key) -> Self {
        Readings::load_at(cache, key, SystemTime::now())
    }

    /// As if it were `begun` now.
    pub(super) fn load_at(cache: &'a Cache, key: Key, begun: SystemTime) -> Self {
        let known = cache.get(Kind::Readings, &key).map(Shelf::open).unwrap_or_default();
        Readings { place: Some((cache, key)), known, begun }
    }

    /// To be taken before a file is read.
    pub(super) fn stamp(&self, file: &File) -> Option<Stamp> {
        let (cache, _) = self.place?;
        match &file.content {
            Content::Memory(_) => None,
            Content::Disk { path, .. } => {
                let path = path.to_path();
                if cache.holds(&path) { Some(Stamp::Piece(path)) } else { Stamp::of(&path) }
            }
        }
    }

    pub(super) fn find(&self, path: &str, file: &File, stamp: &Stamp) -> Option<Known> {
        let reading = self.known.get::<Reading>(path)?;
        if reading.stamp != *stamp || reading.rewrite != file.rewrite || reading.executable != file.executable
        {
            return None;
        }
        let Reading { size, sha256, crc, edits, placeholders, .. } = reading;
        let found = |edits| Found { size, sha256, crc, change: Change::from(edits), placeholders };
        Some(match edits {
            Some(edits) => Known::Whole(found(edits)),
            None => Known::Remade(found(Vec::new())),
        })
    }

    /// Keeps what was read: every entry with its stamp, if it has one, and its
    /// placeholders.
    pub(super) fn keep<'m>(
        &self,
        measured: impl Iterator<Item = (&'m Measured, &'m Option<Box<Stamp>>, &'m [Placeholder])>,
    ) {
        let Some((cache, key)) = self.place else { return };
        let limit = self.begun.checked_sub(MOMENT).unwrap_or(UNIX_EPOCH);
        let (mut bytes, mut fresh) = (Vec::new(), false);
        for (item, stamp, placeholders) in measured {
            let Some(stamp) = stamp.as_deref().filter(|stamp| stamp.is_before(limit)) else { continue };
            let Some(reading) = Reading::new(item, stamp.clone(), placeholders) else { continue };
            let path = &*item.entry.path;
            fresh |= self
                .known
                .get::<Reading>(path)
                .is_none_or(|known| known.stamp != *stamp || known.rewrite != reading.rewrite);
            if shelf::put(&mut bytes, path, &reading).is_err() {
                return;
            }
        }
        if fresh {
            cache.put(Kind::Readings, &key, &[&bytes]);
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        Some(Stamp::of_file(&fs_err::metadata(path).ok()?))
    }

    pub(super) fn of_file(found: &std::fs::Metadata) -> Self {
        let (modified, changed) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
        Stamp::File(found.dev(), found.ino(), found.len(), modified, changed)
    }

    /// Whether nothing changed since a time.
    pub(super) fn is_before(&self, limit: SystemTime) -> bool {
        let limit = limit.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let before = |seconds: i64| u64::try_from(seconds).is_ok_and(|seconds| seconds < limit);
        match self {
            Stamp::Piece(_) => true,
            Stamp::File(_, _, _, modified, changed) => before(modified.0) && before(changed.0),
        }
    }
}

impl Reading {
    fn new(item: &Measured, stamp: Stamp, placeholders: &[Placeholder]) -> Option<Self> {
        let Measured { entry, size, sha256, crc, change } = item;
        let Node::File(file) = &entry.node else { return None };
        let edits = change.edits();
        if edits.is_some_and(|edits| edits.iter().map(|edit| edit.bytes.len()).sum::<usize>() > LONGEST) {
            return None;
        }
        Some(Reading {
            stamp,
            executable: file.executable,
            rewrite: file.rewrite.clone(),
            size: *size,
            sha256: *sha256,
            crc: *crc,
            edits: edits.map(<[Edit]>::to_vec),
            placeholders: placeholders.to_vec(),
        })
    }
}
