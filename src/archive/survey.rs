//! What the reading pass finds in one file.
//!
//! Small files are read whole. Of a large one no more than a window is in
//! memory, or a stretch where it holds a prefix, unless the relocator has to
//! see all of it; then one such file is loaded at a time, so that threads
//! don't multiply the largest one of an environment.

use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::content::{append, open};
use super::early::AtHand;
use super::measure::Relocate;
use super::readings::{Known, Readings, Stamp};
use super::splice;
use super::stretches::{Next, Stretches};
use crate::entry::{Change, Content, Edit, File, Measured, Node, Placeholder, Rewrite};
use crate::error::Result;
use crate::interrupt;

/// Up to this size a file is read whole; a larger one in windows of this size.
pub(super) const WINDOW: usize = 1 << 20;

/// What the reading pass tells of a file besides its measures.
pub(super) type Told = (Vec<Placeholder>, Option<Box<Stamp>>);

/// Is given an entry once it is measured.
type Each<'a> = dyn FnMut(&Measured, AtHand<'_>) -> Result<()> + 'a;

/// Measures one entry after the other.
pub(super) struct Surveyor<'a> {
    relocator: &'a dyn Relocate,
    readings: &'a Readings<'a>,
    one_at_a_time: Mutex<()>,
}

/// What is known of a file after reading it.
#[derive(Default)]
pub(super) struct Found {
    pub size: u64,
    pub sha256: [u8; 32],
    pub crc: u32,
    pub change: Change,
    pub placeholders: Vec<Placeholder>,
}

impl Found {
    fn put(self, item: &mut Measured, at_hand: AtHand<'_>, each: &mut Each<'_>) -> Result<Vec<Placeholder>> {
        let Found { size, sha256, crc, change, placeholders } = self;
        (item.size, item.sha256, item.crc, item.change) = (size, sha256, crc, change);
        each(item, at_hand)?;
        Ok(placeholders)
    }
}

impl<'a> Surveyor<'a> {
    pub(super) fn new(relocator: &'a dyn Relocate, readings: &'a Readings<'a>) -> Self {
        Surveyor { relocator, readings, one_at_a_time: Mutex::new(()) }
    }

    /// Measures an entry, which may be read into `buffer`, and gives it to `each`
    /// with what is at hand of its content.
    pub(super) fn entry(
        &self,
        item: &mut Measured,
        buffer: &mut Vec<u8>,
        each: &mut Each<'_>,
    ) -> Result<Told> {
        let entry = Arc::clone(&item.entry);
        let Node::File(file) = &entry.node else {
            each(item, AtHand::Passed(None))?;
            return Ok(Told::default());
        };
        let stamp = self.readings.stamp(file).map(Box::new);
        let known = stamp.as_ref().and_then(|stamp| self.known(&entry.path, file, stamp));
        let placeholders = match known {
            Some(found) => found.put(item, AtHand::Unread, each)?,
            None => self.file(item, file, buffer, each)?,
        };
        Ok((placeholders, stamp))
    }

    /// What an earlier pass found.
    fn known(&self, path: &Arc<str>, file: &File, stamp: &Stamp) -> Option<Found> {
        match self.readings.find(path, file, stamp)? {
            Known::Whole(found) => Some(found),
            Known::Remade(found) => {
                let again = self.relocator.remake(&file.rewrite)?;
                Some(Found { change: Change::Remade(again), ..found })
            }
        }
    }

    fn file(
        &self,
        item: &mut Measured,
        file: &File,
        buffer: &mut Vec<u8>,
        each: &mut Each<'_>,
    ) -> Result<Vec<Placeholder>> {
        let (path, size) = match &file.content {
            Content::Memory(bytes) => return self.bytes(item, file, bytes, None, each),
            Content::Disk { path, size } => (path.to_path(), *size),
        };
        let source = open(&path, size)?;
        let stamp = Some(Stamp::of_file(&source.metadata()?));
        buffer.clear();
        if size <= WINDOW as u64 {
            append(&source, size, buffer)?;
            return self.bytes(item, file, buffer, stamp, each);
        }
        let name = &Arc::clone(&item.entry.path);
        let found = match self.windows(name, file, &source, size, buffer)? {
            Seen::Unchanged(sha256, crc) => Some(Found { size, sha256, crc, ..Found::default() }),
            Seen::Prefix => self.in_stretches(name, file, &path, size, buffer)?,
            Seen::Whole => None,
        };
        if let Some(found) = found {
            return found.put(item, AtHand::Passed(stamp), each);
        }
        let _turn = self.one_at_a_time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut whole = Vec::new();
        append(&open(&path, size)?, size, &mut whole)?;
        self.bytes(item, file, &whole, stamp, each)
    }

    /// Measures a file of which all is in memory.
    fn bytes(
        &self,
        item: &mut Measured,
        file: &File,
        bytes: &[u8],
        stamp: Option<Stamp>,
        each: &mut Each<'_>,
    ) -> Result<Vec<Placeholder>> {
        let name = &Arc::clone(&item.entry.path);
        let original = bytes.len() as u64;
        let (edits, placeholders) = match file.rewrite {
            Rewrite::Keep => Default::default(),
            ref rewrite => self.relocator.relocate(name, file.executable, rewrite, bytes)?,
        };
        assert!(splice::are_sound(&edits, original), "unordered edits of `{name}`");
        let mut sums = Sums::default();
        splice::stretches(bytes, &edits).for_each(|stretch| sums.update(stretch));
        (item.sha256, item.crc) = sums.finish();
        item.size = splice::edited_size(&edits, original);
        each(item, AtHand::Whole(bytes, &edits, stamp))?;
        let remake = if edits.is_empty() { None } else { self.relocator.remake(&file.rewrite) };
        item.change = remake.map_or_else(|| edits.into(), Change::Remade);
        Ok(placeholders)
    }

    /// Looks at a large file until it is known whether it changes.
    fn windows(
        &self,
        name: &str,
        file: &File,
        source: &fs_err::File,
        size: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Seen> {
        let searched = file.rewrite != Rewrite::Keep;
        let overlap = if searched { self.relocator.overlap() } else { 0 };
        let mut sums = Sums::default();
        let mut left = size;
        while left > 0 {
            interrupt::check()?;
            let first = left == size;
            let shared = buffer.len().min(overlap);
            buffer.drain(..buffer.len() - shared);
            let fresh = left.min(WINDOW as u64);
            append(source, fresh, buffer)?;
            if searched {
                if first && self.relocator.needs_whole(name, file.executable, &file.rewrite, buffer) {
                    return Ok(Seen::Whole);
                }
                if self.relocator.holds_prefix(buffer) {
                    return Ok(Seen::Prefix);
                }
            }
            sums.update(&buffer[shared..]);
            left -= fresh;
        }
        let (sha256, crc) = sums.finish();
        Ok(Seen::Unchanged(sha256, crc))
    }

    /// Relocates a large file while it is read, if it can be.
    fn in_stretches(
        &self,
        name: &str,
        file: &File,
        path: &Path,
        size: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Found>> {
        let mut stretches = Stretches::new(open(path, size)?, size, buffer);
        let head = stretches.head()?;
        let Some(relocate) = self.relocator.in_stretches(name, &file.rewrite, head, path) else {
            return Ok(None);
        };
        let (mut sums, mut changed, mut listed) = (Sums::default(), Vec::new(), Vec::new());
        loop {
            interrupt::check()?;
            let (at, bytes) = match stretches.next()? {
                Next::Stretch(at, bytes) => (at, bytes),
                Next::TooLong => return Ok(None),
                Next::End => break,
            };
            let (edits, placeholders) = relocate(bytes);
            let sound = edits.iter().all(Edit::keeps_length) && splice::are_sound(&edits, bytes.len() as u64);
            assert!(sound, "edits of `{name}` that are unordered or move what is behind them");
            splice::stretches(bytes, &edits).for_each(|stretch| sums.update(stretch));
            changed.extend(edits.into_iter().map(|edit| edit.moved(at)));
            listed.extend(placeholders.into_iter().map(|placeholder| placeholder.moved(at)));
        }
        let (sha256, crc) = sums.finish();
        Ok(Some(Found { size, sha256, crc, change: changed.into(), placeholders: listed }))
    }
}

/// What looking at a large file tells.
enum Seen {
    /// All of it, with its SHA-256 and CRC-32: it holds no prefix.
    Unchanged([u8; 32], u32),
    /// The file may hold a prefix.
    Prefix,
    /// By what it begins with, all of it is needed at once.
    Whole,
}

/// SHA-256 and CRC-32 of what is archived.
#[derive(Default)]
struct Sums {
    sha256: Sha256,
    crc: crc32fast::Hasher,
}

impl Sums {
    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc.update(bytes);
    }

    fn finish(self) -> ([u8; 32], u32) {
        (self.sha256.finalize().into(), self.crc.finalize())
    }
}
