//! Marshalled code objects, made canonical.
//!
//! What CPython writes depends on more than the source: on the path it was
//! given, on which objects happened to be shared in the compiling process
//! (whether a reference flag is set), on which one-character strings somebody
//! had interned, and on the hash seed (the order of a set). Here the stream is
//! read into a graph in which equal values are one object, and is written anew:
//! a flag exactly where a later reference needs it, sets in an order that only
//! their values decide.
//!
//! The format is that of `Python/marshal.c`, versions 4 and 5, as CPython 3.8
//! to 3.14 use it for bytecode. Whatever else a stream may hold (old codes,
//! lists, an object that is part of itself) never comes from compiling, and
//! makes the reader give up: then the file isn't touched by this module.

mod graph;
mod layout;
mod read;
mod sound;
#[cfg(test)]
mod tests;
mod write;

pub(super) use layout::Layout;
pub(super) use read::Constant;

use std::ops::Range;

/// A code object, read.
#[derive(Debug)]
pub(super) struct Marshalled<'a> {
    graph: graph::Graph<'a>,
    root: graph::Id,
    /// Of the stream, in bytes.
    size: usize,
}

/// A stream, written anew.
#[derive(Debug)]
pub(super) struct Written {
    pub bytes: Vec<u8>,
    /// Where in them the strings stand that a constant was replaced by, in
    /// their order.
    pub replaced: Vec<Range<usize>>,
}

/// Reads one code object, which has to fill `stream`. What `replace` gives
/// takes the place of a constant. `None` if there is anything in it that
/// compiling doesn't produce.
pub(super) fn read<'a>(
    stream: &'a [u8],
    layout: Layout,
    replace: &dyn Fn(&Constant<'_>) -> Option<Vec<u8>>,
) -> Option<Marshalled<'a>> {
    read::Reader::new(stream, layout, replace).whole()
}

impl Marshalled<'_> {
    /// Gives all code objects this file name that have the outermost one's.
    pub(super) fn name(&mut self, file_name: &str) {
        self.graph.name(self.root, file_name);
    }

    /// The canonical stream, behind `head`.
    pub(super) fn write(&self, head: &[u8]) -> Written {
        let mut bytes = Vec::with_capacity(head.len() + self.size);
        bytes.extend_from_slice(head);
        write::write(&self.graph, self.root, bytes)
    }
}
