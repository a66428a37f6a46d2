//! The reading pass: what relocation changes in every file, how long the file
//! is afterwards, and its SHA-256.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::blocks::runs;
use super::bundle::Bundle;
use super::early::{Blocks, Early, is_decided};
use super::error::Error;
use super::readings::Readings;
use super::survey::{Surveyor, Told, WINDOW};
use crate::entry::{Content, Edit, Entry, File, Measured, Node, Placeholder, Remake, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::parallel;
use crate::progress::{Progress, Step};

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
/// threads of the pool that this is called in, and compresses what is `early`.
///
/// # Errors
/// If a file can't be read, is longer or shorter than its entry says, or can't
/// be relocated.
pub fn measure(
    entries: Vec<Arc<Entry>>,
    relocator: &dyn Relocate,
    readings: &Readings<'_>,
    early: Option<&Early<'_>>,
    progress: &dyn Progress,
) -> Result<Survey> {
    let surveyor = Surveyor::new(relocator, readings);
    progress.begin(Step::Read, Some(entries.len() as u64));
    let mut measured: Vec<Measured> = entries.into_iter().map(Measured::empty).collect();
    // In the order of the entries, and of a fixed size: what is found is put in its place.
    let mut told: Vec<Told> = std::iter::repeat_with(Told::default).take(measured.len()).collect();
    let portions = portions(&mut measured, &mut told, early.map_or(WINDOW as u64, Early::block_size));
    let threads = early.map_or(usize::MAX, Early::threads);
    let state = || Ok((Vec::new(), early.map(Early::bundle).transpose()?));
    let read = |(buffer, bundle): &mut (Vec<u8>, Option<Box<dyn Bundle>>), portion: Portion<'_>| {
        let Portion { measured, told } = portion;
        let decided = is_decided(&measured[0].entry.group);
        let bundle = bundle.as_deref_mut().filter(|_| decided);
        let mut blocks = early.zip(bundle).map(|(early, bundle)| early.blocks(bundle));
        for (item, told) in measured.iter_mut().zip(told) {
            interrupt::check()?;
            *told = surveyor.entry(item, buffer, &mut |item, at_hand| match &mut blocks {
                Some(blocks) => blocks.push(item, &at_hand),
                None => Ok(()),
            })?;
            progress.advance(1);
        }
        blocks.map_or(Ok(()), Blocks::end)
    };
    parallel::each(portions, threads, state, read)?;
    progress.end();
    let damaged = relocator.damaged();
    let sound = measured.iter().zip(&told).filter(|(item, _)| !damaged.contains(&*item.entry.path));
    readings.keep(sound.map(|(item, (placeholders, stamp))| (item, stamp, &placeholders[..])));
    let mut placeholders: Vec<_> = told.into_iter().flat_map(|(placeholders, _)| placeholders).collect();
    placeholders.sort_by(|a: &Placeholder, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    Ok(Survey { measured, placeholders, damaged })
}

/// What one thread reads in turn: a large file, or what lies in a
/// [run](runs) before, between or behind such.
struct Portion<'m> {
    measured: &'m mut [Measured],
    told: &'m mut [Told],
}

/// Entries that are not measured yet, in portions. The largest come first, since
/// in the end all threads have to wait for the last one.
fn portions<'m>(mut measured: &'m mut [Measured], mut told: &'m mut [Told], block: u64) -> Vec<Portion<'m>> {
    let is_large = |item: &Measured| on_disk(item) > block;
    let mut lengths = Vec::new();
    for run in runs(measured, block) {
        let parts = measured[run].chunk_by(|one, next| !is_large(one) && !is_large(next));
        lengths.extend(parts.map(<[_]>::len));
    }
    let mut portions = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (items, told_of_them);
        (items, measured) = measured.split_at_mut(length);
        (told_of_them, told) = told.split_at_mut(length);
        portions.push(Portion { measured: items, told: told_of_them });
    }
    let size = |portion: &Portion<'_>| portion.measured.iter().map(on_disk).sum::<u64>();
    portions.sort_by_cached_key(|portion| std::cmp::Reverse(size(portion)));
    portions
}

/// How many bytes are read for an entry.
fn on_disk(item: &Measured) -> u64 {
    match &item.entry.node {
        Node::File(File { content: Content::Disk { size, .. }, .. }) => *size,
        _ => 0,
    }
}
