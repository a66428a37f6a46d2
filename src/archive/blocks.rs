//! Where the stream of an archive is cut into blocks.
//!
//! A block is the unit of work: it is read, compressed and written without
//! looking at another one. Cuts depend on nothing but the entries. They lie
//! before every group, so that the blocks of an unchanged package stay the same
//! whatever happens around it, and behind so many entries of a group: what lies
//! between these, a run, is cut without knowing a size from outside of it.

use std::ops::Range;

use crate::entry::{Group, Measured};

/// What a header adds to an entry's weight: a tar header's size.
const HEADER: u64 = 512;

/// A run has no more than one entry for so many bytes of a block: about the size
/// of a module, so that a run of modules fills about a block.
const ENTRY: u64 = 4 << 10;

/// A stretch of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// These entries, whole.
    Entries(Range<usize>),
    /// These bytes of an entry that is too large for one block.
    Slice { entry: usize, range: Range<u64> },
}

impl Block {
    /// The entries it is of, and which part if not the whole.
    pub(super) fn parts(&self) -> (Range<usize>, Option<Range<u64>>) {
        match self {
            Block::Entries(range) => (range.clone(), None),
            Block::Slice { entry, range } => (*entry..entry + 1, Some(range.clone())),
        }
    }

    /// About how many bytes it is of.
    pub(super) fn size(&self, entries: &[Measured]) -> u64 {
        match self {
            Block::Entries(range) => entries[range.clone()].iter().map(|item| HEADER + item.size).sum(),
            Block::Slice { range, .. } => range.end - range.start,
        }
    }
}

/// Cuts arranged entries into blocks of about `target` bytes.
pub(super) fn cut(entries: &[Measured], target: u64) -> Vec<Block> {
    let mut blocks = Vec::new();
    for run in runs(entries, target) {
        let mut open = Open::new(run.start, target);
        for (entry, item) in run.clone().zip(&entries[run]) {
            let (closed, fits) = open.push(item.size);
            blocks.extend(closed.map(Block::Entries));
            if !fits {
                blocks.extend(slices(item.size, target).map(|range| Block::Slice { entry, range }));
            }
        }
        blocks.extend(open.close().map(Block::Entries));
    }
    blocks
}

/// The runs of arranged entries, whatever their sizes are.
pub(super) fn runs(entries: &[Measured], target: u64) -> Vec<Range<usize>> {
    let most = usize::try_from(target / ENTRY).map_or(usize::MAX, |most| most.max(1));
    let group = |index: usize| -> &Group { &entries[index].entry.group };
    let mut runs: Vec<Range<usize>> = Vec::new();
    for index in 0..entries.len() {
        match runs.last_mut() {
            Some(run) if run.len() < most && group(run.start) == group(index) => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

/// A block of whole entries to which those of a run are added in turn.
pub(super) struct Open {
    target: u64,
    entries: Range<usize>,
    weight: u64,
}

impl Open {
    /// Begins with an entry.
    pub(super) fn new(entry: usize, target: u64) -> Self {
        Open { target, entries: entry..entry, weight: 0 }
    }

    /// Adds the next entry: gives the block that ends before it, if one does, and
    /// whether the entry fits into a block at all.
    pub(super) fn push(&mut self, size: u64) -> (Option<Range<usize>>, bool) {
        let added = HEADER + size;
        let fits = added <= self.target;
        let closed = if self.weight + added > self.target { self.close() } else { None };
        self.entries.end += 1;
        if fits {
            self.weight += added;
        } else {
            self.entries.start = self.entries.end;
        }
        (closed, fits)
    }

    /// Ends the block, if there is anything in it.
    pub(super) fn close(&mut self) -> Option<Range<usize>> {
        self.weight = 0;
        let next = self.entries.end..self.entries.end;
        Some(std::mem::replace(&mut self.entries, next)).filter(|entries| !entries.is_empty())
    }
}

/// The slices of an entry that is too large for one block.
pub(super) fn slices(size: u64, target: u64) -> impl Iterator<Item = Range<u64>> {
    (0..size.div_ceil(target)).map(move |number| number * target..size.min((number + 1) * target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Group, Node};

    fn entries(sizes: &[(&str, u64)]) -> Vec<Measured> {
        let measured = |&(package, size): &(&str, u64)| {
            let group = Group::Package(package.into());
            let entry = Entry { path: "".into(), group, node: Node::Directory };
            Measured { size, ..Measured::empty(entry) }
        };
        sizes.iter().map(measured).collect()
    }

    const TARGET: u64 = 5 * ENTRY;

    #[test]
    fn packages_do_not_share_blocks() {
        let found = cut(&entries(&[("a", 10), ("a", 10), ("b", 10), ("c", 10)]), TARGET);
        assert_eq!(found, [Block::Entries(0..2), Block::Entries(2..3), Block::Entries(3..4)]);
    }

    #[test]
    fn a_block_ends_before_it_grows_too_large() {
        let half = TARGET / 2 - HEADER;
        let found = cut(&entries(&[("a", half), ("a", half), ("a", half)]), TARGET);
        assert_eq!(found, [Block::Entries(0..2), Block::Entries(2..3)]);
    }

    #[test]
    fn a_block_ends_behind_so_many_entries_of_a_group() {
        let found = cut(&entries(&[[("a", 1); 2].as_slice(), &[("b", 1); 7]].concat()), TARGET);
        assert_eq!(found, [Block::Entries(0..2), Block::Entries(2..7), Block::Entries(7..9)]);
    }

    #[test]
    fn a_large_file_is_cut_by_itself() {
        let slice = |range| Block::Slice { entry: 1, range };
        let found = cut(&entries(&[("a", 1), ("a", 2 * TARGET + 1), ("a", 1), ("a", 1)]), TARGET);
        let expected = [
            Block::Entries(0..1),
            slice(0..TARGET),
            slice(TARGET..2 * TARGET),
            slice(2 * TARGET..2 * TARGET + 1),
            Block::Entries(2..4),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_gives_no_blocks() {
        assert_eq!(cut(&[], TARGET), []);
    }
}
