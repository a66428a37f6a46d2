//! Where the stream of an archive is cut into blocks.
//!
//! A block is the unit of work: it is read, compressed and written without
//! looking at another one. Cuts depend on nothing but the entries, and lie
//! before every group, so that the blocks of an unchanged package stay the
//! same whatever happens around it.

use std::ops::Range;

use crate::entry::Measured;

/// What a header adds to an entry's weight: a tar header's size.
const HEADER: u64 = 512;

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
    let mut open = 0..0;
    let mut weight = 0;
    for (index, item) in entries.iter().enumerate() {
        let added = HEADER + item.size;
        let new_group = index > 0 && item.entry.group != entries[index - 1].entry.group;
        if new_group || weight + added > target {
            close(&mut blocks, &mut open, index);
            weight = 0;
        }
        if added > target {
            blocks.extend(slices(item.size, target).map(|range| Block::Slice { entry: index, range }));
            open = index + 1..index + 1;
        } else {
            open.end = index + 1;
            weight += added;
        }
    }
    let end = open.end;
    close(&mut blocks, &mut open, end);
    blocks
}

fn close(blocks: &mut Vec<Block>, open: &mut Range<usize>, next: usize) {
    if open.start < open.end {
        blocks.push(Block::Entries(open.clone()));
    }
    *open = next..next;
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

    #[test]
    fn packages_do_not_share_blocks() {
        let found = cut(&entries(&[("a", 10), ("a", 10), ("b", 10), ("c", 10)]), 10_000);
        assert_eq!(found, [Block::Entries(0..2), Block::Entries(2..3), Block::Entries(3..4)]);
    }

    #[test]
    fn a_block_ends_before_it_grows_too_large() {
        let found = cut(&entries(&[("a", 488), ("a", 488), ("a", 488)]), 2000);
        assert_eq!(found, [Block::Entries(0..2), Block::Entries(2..3)]);
    }

    #[test]
    fn a_large_file_is_cut_by_itself() {
        let slice = |range| Block::Slice { entry: 1, range };
        let found = cut(&entries(&[("a", 1), ("a", 4001), ("a", 1), ("a", 1)]), 2000);
        let expected = [
            Block::Entries(0..1),
            slice(0..2000),
            slice(2000..4000),
            slice(4000..4001),
            Block::Entries(2..4),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_gives_no_blocks() {
        assert_eq!(cut(&[], 2000), []);
    }
}
