//! The edits of one file as they are collected, front to back.

use std::ops::Range;

use crate::entry::{Edit, Placeholder, PlaceholderKind};

/// Collects edits in the order of their offsets, and knows where each lands in
/// the output.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    path: &'a str,
    pub(super) edits: Vec<Edit>,
    pub(super) placeholders: Vec<Placeholder>,
    /// Bytes added and removed so far.
    added: u64,
    removed: u64,
}

impl<'a> Draft<'a> {
    /// For the entry at `path`.
    pub(super) fn new(path: &'a str) -> Self {
        Draft { path, edits: Vec::new(), placeholders: Vec::new(), added: 0, removed: 0 }
    }

    /// Replaces a range of the original; returns where that begins in the
    /// output.
    pub(super) fn replace(&mut self, range: Range<usize>, bytes: Vec<u8>) -> u64 {
        let at = range.start as u64 + self.added - self.removed;
        self.added += bytes.len() as u64;
        self.removed += range.len() as u64;
        self.edits.push(Edit { offset: range.start as u64, length: range.len() as u64, bytes });
        at
    }

    /// Lists a placeholder by its place in the output.
    pub(super) fn list(&mut self, offset: u64, length: usize, kind: PlaceholderKind) {
        let path = self.path.to_owned();
        self.placeholders.push(Placeholder { path, offset, length: length as u64, kind });
    }
}
