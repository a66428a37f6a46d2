//! The reading pass: what relocation changes in every file, how long the file
//! is afterwards, and its SHA-256.
//!
//! Small files are read whole. Of a large one no more than a window is in
//! memory, or a stretch where it holds a prefix, unless the relocator has to
//! see all of it; then one such file is loaded at a time, so that threads
//! don't multiply the largest one of an environment.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::content::{append, open};
use super::error::Error;
use super::readings::{Known, Readings, Stamp};
use super::splice;
use super::stretches::{Next, Stretches};
use crate::entry::{Change, Content, Edit, Entry, File, Measured, Node, Placeholder, Remake, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::parallel::{self, AT_ONCE};
use crate::progress::{Progress, Step};

/// Up to this size a file is read whole; a larger one in windows of this size.
pub(super) const WINDOW: usize = 1 << 20;

/// Finds the original prefix in the bytes of a file.
pub trait Relocate: Sync {
    /// Whether a large file must be loaded whole to be decided, from its path
    /// and first bytes.
    fn needs_whole(&self, path: &str, executable: bool, rewrite: &Rewrite, head: &[u8]) -> bool;

    /// Whether a window of a large file may hold an original prefix.
    fn holds_prefix(&self, window: &[u8]) -> bool;

    /// How many bytes two neighbouring windows share, so that a prefix which
    /// lies across their border is seen in one of them.
    fn overlap(&self) -> usize;

    /// What changes in a file, and which placeholders stay in it.
    ///
    /// # Errors
    /// If the file can't be made relocatable.
    fn relocate(
        &self,
        path: &str,
        executable: bool,
        rewrite: &Rewrite,
        bytes: &[u8],
    ) -> Result<(Vec<Edit>, Vec<Placeholder>)>;

    /// The files that [`Self::relocate`] found damaged so far. What reading them
    /// found is not kept: the next pass has to find it, too.
    fn damaged(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// How a large file that holds a prefix is relocated a stretch at a time,
    /// from its path, its first bytes and its place on disk; nothing if all of
    /// it has to be seen at once. Each stretch but the last ends behind all NULs of
    /// a run, or behind at least [`MOST_ROOM`](crate::entry::MOST_ROOM) of them.
    fn in_stretches<'a>(
        &'a self,
        _path: &'a str,
        _rewrite: &'a Rewrite,
        _head: &[u8],
        _on_disk: &Path,
    ) -> Option<Box<InStretch<'a>>> {
        None
    }

    /// How a file is changed once more when it is written, if its edits are
    /// too much to be kept until then.
    fn remake(&self, _rewrite: &Rewrite) -> Option<Arc<dyn Remake>> {
        None
    }
}

/// What changes in a stretch of a file, and which placeholders stay in it, by
/// their place in the stretch, whose length is kept.
pub type InStretch<'a> = dyn Fn(&[u8]) -> (Vec<Edit>, Vec<Placeholder>) + 'a;

/// What the reading pass found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// In the order of the entries.
    pub measured: Vec<Measured>,
    /// Ordered by path, then offset.
    pub placeholders: Vec<Placeholder>,
    /// By path.
    pub damaged: BTreeSet<String>,
}

/// Threads for [`measure`] and for all that is done in parallel before it; 0
/// means one for each core, up to 16.
///
/// # Errors
/// If the system allows no more threads.
pub fn workers(threads: usize) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(parallel::count(threads))
        .build()
        .map_err(|error| Error::Threads(io::Error::other(error)))
}

/// Reads every file once, but for those of which there is a reading, on the
/// threads of the pool that this is called in.
///
/// # Errors
/// If a file can't be read, is longer or shorter than its entry says, or can't
/// be relocated.
pub fn measure(
    entries: Vec<Arc<Entry>>,
    relocator: &dyn Relocate,
    readings: &Readings<'_>,
    progress: &dyn Progress,
) -> Result<Survey> {
    let surveyor = Surveyor { relocator, readings, one_at_a_time: Mutex::new(()) };
    progress.begin(Step::Read, Some(entries.len() as u64));
    let mut measured: Vec<Measured> = entries.into_iter().map(Measured::empty).collect();
    // In the order of the entries, and of a fixed size: what is found is put in its place.
    let mut told: Vec<Told> = std::iter::repeat_with(Told::default).take(measured.len()).collect();
    measured.par_iter_mut().zip(&mut told).with_max_len(AT_ONCE).try_for_each(|(item, told)| {
        interrupt::check()?;
        *told = BUFFER.with_borrow_mut(|buffer| surveyor.entry(item, buffer))?;
        progress.advance(1);
        Ok::<_, crate::error::Error>(())
    })?;
    progress.end();
    let damaged = relocator.damaged();
    let sound = measured.iter().zip(&told).filter(|(item, _)| !damaged.contains(&*item.entry.path));
    readings.keep(sound.map(|(item, (placeholders, stamp))| (item, stamp, &placeholders[..])));
    let mut placeholders: Vec<_> = told.into_iter().flat_map(|(placeholders, _)| placeholders).collect();
    placeholders.sort_by(|a: &Placeholder, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    Ok(Survey { measured, placeholders, damaged })
}

thread_local! {
    /// What a thread reads files into.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What the reading pass tells of a file besides its measures.
type Told = (Vec<Placeholder>, Option<Box<Stamp>>);

struct Surveyor<'a> {
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

impl Surveyor<'_> {
    /// Measures an entry.
    fn entry(&self, item: &mut Measured, buffer: &mut Vec<u8>) -> Result<Told> {
        let Node::File(file) = &item.entry.node else { return Ok(Told::default()) };
        let stamp = self.readings.stamp(file).map(Box::new);
        let known = stamp.as_ref().and_then(|stamp| self.known(&item.entry.path, file, stamp));
        let found = known.map_or_else(|| self.file(&item.entry.path, file, buffer), Ok)?;
        let Found { size, sha256, crc, change, placeholders } = found;
        (item.size, item.sha256, item.crc, item.change) = (size, sha256, crc, change);
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

    fn file(&self, name: &Arc<str>, file: &File, buffer: &mut Vec<u8>) -> Result<Found> {
        let (path, size) = match &file.content {
            Content::Memory(bytes) => return self.bytes(name, file, bytes),
            Content::Disk { path, size } => (path.to_path(), *size),
        };
        let source = open(&path, size)?;
        buffer.clear();
        if size <= WINDOW as u64 {
            append(&source, size, buffer)?;
            return self.bytes(name, file, buffer);
        }
        let found = match self.windows(name, file, &source, size, buffer)? {
            Seen::Unchanged(sha256, crc) => Some(Found { size, sha256, crc, ..Found::default() }),
            Seen::Prefix => self.in_stretches(name, file, &path, size, buffer)?,
            Seen::Whole => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let _turn = self.one_at_a_time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut whole = Vec::new();
        append(&open(&path, size)?, size, &mut whole)?;
        self.bytes(name, file, &whole)
    }

    fn bytes(&self, name: &Arc<str>, file: &File, bytes: &[u8]) -> Result<Found> {
        let original = bytes.len() as u64;
        let (edits, placeholders) = match file.rewrite {
            Rewrite::Keep => (Vec::new(), Vec::new()),
            _ => self.relocator.relocate(name, file.executable, &file.rewrite, bytes)?,
        };
        assert!(splice::are_sound(&edits, original), "unordered edits of `{name}`");
        let mut sums = Sums::default();
        splice::stretches(bytes, &edits).for_each(|stretch| sums.update(stretch));
        let size = splice::edited_size(&edits, original);
        let remake = if edits.is_empty() { None } else { self.relocator.remake(&file.rewrite) };
        let change = remake.map_or_else(|| edits.into(), Change::Remade);
        let (sha256, crc) = sums.finish();
        Ok(Found { size, sha256, crc, change, placeholders })
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
