//! Arranged entries → compressed blocks, on all cores and in order.

use super::blocks::{Block, cut};
use super::pipeline::{Crew, Job, in_order};
use super::segments::{Segment, Segments};
use crate::cache::Key;
use crate::entry::Measured;
use crate::error::Result;

/// Where the segment of a block comes from.
enum Origin {
    /// It was compressed in the reading pass, and is taken if no file changed since.
    Spooled(Key),
    /// The cache, if it has a key and is there; else it is made.
    Made(Option<Key>),
}

/// Cuts entries into blocks of about `size` bytes and passes each with its
/// segment to `take`, in order. Segments that were not kept are made by `make`,
/// which has a state of its own on each thread.
pub(super) fn compress<S>(
    entries: &[Measured],
    size: u64,
    segments: &Segments<'_>,
    threads: usize,
    state: impl Fn() -> Result<S> + Sync,
    make: impl Fn(&mut S, &Block) -> Result<Segment> + Sync,
    mut take: impl FnMut(&Block, Segment) -> Result<()>,
) -> Result<()> {
    let jobs = cut(entries, size).into_iter().map(|block| {
        let (range, part) = block.parts();
        let key = segments.key(&entries[range], part.as_ref());
        Ok(match key.filter(|key| segments.is_spooled(key)) {
            Some(key) => Job::light((block, Origin::Spooled(key))),
            None => Job { holds: block.size(entries), what: (block, Origin::Made(key)) },
        })
    });
    let work = |own: &mut S, (block, origin): (Block, Origin)| {
        let segment = match &origin {
            // It stays where it is until it is its turn.
            Origin::Spooled(key) if segments.is_current(key, &entries[block.parts().0]) => None,
            // Not from the cache, which may hold what a file was while it changed.
            Origin::Spooled(_) => Some(make(own, &block)?),
            Origin::Made(key) => Some(segments.get(key.as_ref(), || make(own, &block))?),
        };
        Ok((block, origin, segment))
    };
    let crew = Crew { threads, largest: size };
    let mut own = None;
    in_order(jobs, &crew, &state, work, |(block, origin, segment)| {
        let kept = || match &origin {
            Origin::Spooled(key) => segments.spooled(key),
            Origin::Made(_) => None,
        };
        let segment = match (segment.or_else(kept), &mut own) {
            (Some(segment), _) => segment,
            (None, Some(own)) => make(own, &block)?,
            (None, none) => make(none.insert(state()?), &block)?,
        };
        take(&block, segment)
    })
}
