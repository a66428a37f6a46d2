//! A large binary, read in stretches that no string lies across.

use std::ops::Range;

use super::content::append;
use super::survey::WINDOW;
use crate::entry::MOST_ROOM;
use crate::error::Result;

/// A string that is so much longer than this is not waited for, in bytes.
const LONGEST: usize = 2 * WINDOW;

/// Reads a file from front to back. A stretch ends behind all NULs of a run, or
/// behind at least [`MOST_ROOM`] of them: none of the rules for binaries looks
/// further.
pub(super) struct Stretches<'b> {
    file: fs_err::File,
    /// What was not read yet.
    left: u64,
    /// Where the buffer begins in the file.
    at: u64,
    buffer: &'b mut Vec<u8>,
    /// How much of the buffer was given out.
    given: usize,
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// These bytes, which begin there.
    Stretch(u64, &'a [u8]),
    /// A string that is too long for a stretch: the file has to be read whole.
    TooLong,
    End,
}

impl<'b> Stretches<'b> {
    /// Of a file of `size` bytes that nothing was read from, into a buffer.
    pub(super) fn new(file: fs_err::File, size: u64, buffer: &'b mut Vec<u8>) -> Self {
        buffer.clear();
        Stretches { file, left: size, at: 0, buffer, given: 0 }
    }

    /// What the file begins with.
    pub(super) fn head(&mut self) -> Result<&[u8]> {
        if self.buffer.is_empty() {
            self.grow()?;
        }
        Ok(self.buffer)
    }

    /// What comes behind what was given last.
    pub(super) fn next(&mut self) -> Result<Next<'_>> {
        self.buffer.drain(..self.given);
        self.at += self.given as u64;
        self.given = 0;
        let mut searched = 0;
        while self.left > 0 {
            let strings = without_nuls_behind(self.buffer);
            if let Some(end) = cut(self.buffer, searched..strings) {
                self.given = end;
                return Ok(Next::Stretch(self.at, &self.buffer[..end]));
            }
            if self.buffer.len() >= LONGEST {
                // It will be read whole, and may have to wait for that.
                *self.buffer = Vec::new();
                return Ok(Next::TooLong);
            }
            searched = strings;
            self.grow()?;
        }
        self.given = self.buffer.len();
        Ok(if self.given == 0 { Next::End } else { Next::Stretch(self.at, self.buffer) })
    }

    fn grow(&mut self) -> Result<()> {
        let fresh = self.left.min(WINDOW as u64);
        append(&self.file, fresh, self.buffer)?;
        self.left -= fresh;
        Ok(())
    }
}

/// Where a stretch may end, if it may: no string ends before `searched`, and
/// only NULs follow it.
fn cut(bytes: &[u8], searched: Range<usize>) -> Option<usize> {
    if bytes.len() - searched.end >= MOST_ROOM {
        return Some(bytes.len());
    }
    memchr::memrchr(0, &bytes[searched.clone()]).map(|nul| searched.start + nul + 1)
}

/// How long the bytes are without the NULs that they end with.
fn without_nuls_behind(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the stretches of a file, up to a string that is too long.
    fn stretches(bytes: &[u8]) -> (Vec<usize>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs_err::write(&path, bytes).unwrap();
        let mut buffer = b"what was read before".to_vec();
        let file = fs_err::File::open(&path).unwrap();
        let mut stretches = Stretches::new(file, bytes.len() as u64, &mut buffer);
        assert_eq!(stretches.head().unwrap(), &bytes[..bytes.len().min(WINDOW)]);
        let (mut found, mut lengths) = (Vec::new(), Vec::new());
        loop {
            match stretches.next().unwrap() {
                Next::Stretch(at, stretch) => {
                    assert_eq!(at, found.len() as u64);
                    found.extend_from_slice(stretch);
                    lengths.push(stretch.len());
                }
                Next::TooLong => return (lengths, true),
                Next::End => break,
            }
        }
        assert!(found == bytes);
        (lengths, false)
    }

    /// Letters, with NULs in these places.
    fn with_nuls(length: usize, nuls: &[(usize, usize)]) -> Vec<u8> {
        let mut bytes = vec![b'x'; length];
        for (start, end) in nuls {
            bytes[*start..*end].fill(0);
        }
        bytes
    }

    #[test]
    fn a_stretch_ends_behind_the_last_nuls_before_a_letter() {
        let nuls = [(5, 7), (90, 99), (WINDOW - 3, WINDOW + 3), (2 * WINDOW, 2 * WINDOW + 1)];
        let lengths = vec![99, WINDOW + 3 - 99, 2 * WINDOW - 3];
        assert_eq!(stretches(&with_nuls(3 * WINDOW, &nuls)), (lengths, false));
    }

    #[test]
    fn what_is_empty_for_long_is_cut() {
        assert_eq!(stretches(&with_nuls(3 * WINDOW, &[(9, 3 * WINDOW)])), (vec![WINDOW; 3], false));
    }

    #[test]
    fn a_string_may_be_longer_than_what_is_read_at_once() {
        let end = LONGEST - 9;
        let lengths = vec![end, 3 * WINDOW - end];
        assert_eq!(stretches(&with_nuls(3 * WINDOW, &[(end - 1, end)])), (lengths, false));
        assert_eq!(stretches(b"x"), (vec![1], false));
        assert_eq!(stretches(b""), (vec![], false));
    }

    #[test]
    fn a_string_that_is_much_longer_is_not_waited_for() {
        let nuls = [(7, 8), (4 * WINDOW, 4 * WINDOW + 1)];
        assert_eq!(stretches(&with_nuls(5 * WINDOW, &nuls)), (vec![8], true));
    }
}
