//! Edits, applied.

use std::io::{self, Read};

use crate::entry::Edit;

/// The bytes with the edits applied.
///
/// # Panics
/// If an edit lies outside of `bytes`, or the edits overlap.
#[must_use]
pub fn splice(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut output = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut at = 0;
    for edit in edits {
        let (kept, tail) = rest.split_at(position(edit.offset - at));
        output.extend_from_slice(kept);
        output.extend_from_slice(&edit.bytes);
        rest = &tail[position(edit.length)..];
        at = edit.offset + edit.length;
    }
    output.extend_from_slice(rest);
    output
}

/// The size of a file of `size` bytes after the edits.
#[must_use]
pub fn spliced_size(size: u64, edits: &[Edit]) -> u64 {
    edits.iter().fold(size, |size, edit| size + edit.bytes.len() as u64 - edit.length)
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("an edit lies inside of the bytes that are in memory")
}

/// Reads a source with the edits applied, and so needs no copy of it.
#[derive(Debug)]
pub struct Splice<'a, R> {
    source: R,
    /// Position in the source.
    at: u64,
    /// The edits that are still to come.
    edits: &'a [Edit],
    /// What is left to read of the edit in progress.
    inserted: &'a [u8],
}

impl<'a, R: Read> Splice<'a, R> {
    /// `source` gives the original from its first byte.
    pub fn new(source: R, edits: &'a [Edit]) -> Self {
        Splice { source, at: 0, edits, inserted: &[] }
    }

    /// Passes over what an edit replaces.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
        self.at += skipped;
        if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Splice<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.inserted.is_empty() {
                return self.inserted.read(buffer);
            }
            let Some((edit, later)) = self.edits.split_first() else {
                return self.source.read(buffer);
            };
            if self.at < edit.offset {
                let kept = usize::try_from(edit.offset - self.at).unwrap_or(usize::MAX).min(buffer.len());
                let read = self.source.read(&mut buffer[..kept])?;
                self.at += read as u64;
                return if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) };
            }
            self.skip(edit.length)?;
            self.inserted = &edit.bytes;
            self.edits = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(offset: u64, length: u64, bytes: &str) -> Edit {
        Edit { offset, length, bytes: bytes.into() }
    }

    #[test]
    fn edits_may_insert_replace_and_remove() {
        let edits = [edit(0, 0, "<"), edit(2, 3, "X"), edit(6, 2, ""), edit(10, 0, ">")];
        assert_eq!(splice(b"0123456789", &edits), b"<01X589>");
        assert_eq!(spliced_size(10, &edits), 8);
    }

    #[test]
    fn a_source_that_has_become_shorter_is_an_error() {
        let edits = [edit(8, 2, "x")];
        let mut output = Vec::new();
        let error = Splice::new(&b"012345678"[..], &edits).read_to_end(&mut output).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = Splice::new(&b"012"[..], &edits).read_to_end(&mut output).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
