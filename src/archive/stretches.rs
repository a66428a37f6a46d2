//! A large file, read in stretches that no string lies across.

use std::ops::Range;

use super::content::append;
use crate::error::Result;

/// How much is read at once, in bytes.
const WINDOW: usize = 1 << 20;

/// So many NULs in a row are cut: no string needs more of them as its room.
const ROOM: usize = WINDOW / 2;

/// Reads a file from front to back. Each stretch ends behind the last of some
/// NULs, where none of the rules for binaries looks further; where there are
/// none for long, a stretch is long.
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

    /// The next stretch and where it begins.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        self.buffer.drain(..self.given);
        self.at += self.given as u64;
        let mut searched = 0;
        self.given = loop {
            if self.left == 0 {
                break self.buffer.len();
            }
            let strings = without_nuls_behind(self.buffer);
            if let Some(end) = cut(self.buffer, searched..strings) {
                break end;
            }
            searched = strings;
            self.grow()?;
        };
        Ok((self.given > 0).then(|| (self.at, &self.buffer[..self.given])))
    }

    fn grow(&mut self) -> Result<()> {
        let fresh = self.left.min(WINDOW as u64);
        append(&self.file, fresh, self.buffer)?;
        self.left -= fresh;
        Ok(())
    }
}

/// Where a stretch may end, with the strings that end in `searched`.
fn cut(bytes: &[u8], searched: Range<usize>) -> Option<usize> {
    if bytes.len() - searched.end >= ROOM {
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

    /// The lengths of the stretches of a file.
    fn stretches(bytes: &[u8]) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs_err::write(&path, bytes).unwrap();
        let mut buffer = Vec::new();
        let mut stretches =
            Stretches::new(fs_err::File::open(&path).unwrap(), bytes.len() as u64, &mut buffer);
        assert_eq!(stretches.head().unwrap(), &bytes[..bytes.len().min(WINDOW)]);
        let (mut found, mut lengths) = (Vec::new(), Vec::new());
        while let Some((at, stretch)) = stretches.next().unwrap() {
            assert_eq!(at, found.len() as u64);
            found.extend_from_slice(stretch);
            lengths.push(stretch.len());
        }
        assert!(found == bytes);
        lengths
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
        let bytes = with_nuls(
            3 * WINDOW,
            &[(5, 7), (90, 99), (WINDOW - 3, WINDOW + 3), (2 * WINDOW, 2 * WINDOW + 1)],
        );
        assert_eq!(stretches(&bytes), [99, WINDOW + 3 - 99, 2 * WINDOW - 3]);
    }

    #[test]
    fn without_a_nul_all_is_one_stretch() {
        assert_eq!(stretches(&with_nuls(3 * WINDOW + 5, &[])), [3 * WINDOW + 5]);
        assert_eq!(stretches(b"x"), [1]);
        assert!(stretches(b"").is_empty());
    }

    #[test]
    fn what_is_empty_for_long_is_cut() {
        assert_eq!(stretches(&with_nuls(3 * WINDOW, &[(9, 3 * WINDOW)])), [WINDOW; 3]);
    }
}
