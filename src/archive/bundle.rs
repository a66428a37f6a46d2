//! Whole entries that become one block.

use super::content::Reader;
use super::segments::Segment;
use crate::entry::{File, Measured, Node};
use crate::error::Result;

/// Appends the content of a file to a buffer.
pub(super) type Fill<'a> = dyn FnMut(&mut Vec<u8>) -> Result<()> + 'a;

/// What the entries of a block are put into, in turn, and compressed from: one
/// per thread, for one block after the other.
pub(super) trait Bundle {
    /// Adds an entry. `fill` is called once if it [has content](content).
    fn add(&mut self, item: &Measured, fill: &mut Fill<'_>) -> Result<()>;

    /// Compresses what was added.
    fn finish(&mut self) -> Result<Segment>;

    /// Forgets what was added.
    fn clear(&mut self);

    /// Adds an entry whose content is read, and makes sure that it is still the
    /// one that was measured.
    fn read(&mut self, item: &Measured) -> Result<()> {
        self.add(item, &mut |out| match content(item) {
            Some(file) => Reader::open(item, file)?.read_whole(out),
            None => Ok(()),
        })
    }
}

/// The file that an entry is, if it has any content.
pub(super) fn content(item: &Measured) -> Option<&File> {
    match &item.entry.node {
        Node::File(file) if item.size > 0 => Some(file),
        _ => None,
    }
}
