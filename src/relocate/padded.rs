//! C strings with room behind them, as conda leaves them in binaries.
//!
//! conda builds a package with a prefix of some 255 bytes. Installing writes the
//! real prefix in its place, moves the rest of the string up, and fills the end
//! with NULs: the room that every other prefix needs. A string may hold the
//! prefix several times and has that much more room; its prefixes are written
//! together.

use std::ops::Range;

use super::Destination;
use super::binary::Container;
use super::draft::Draft;
use super::prefixes::Hit;
use crate::entry::{MOST_ROOM, PLACEHOLDER, PlaceholderKind};

/// Rewrites strings that have their room (by `placeholder`, the length of the
/// prefix at build time); the others in place.
pub(super) fn rewrite(
    bytes: &[u8],
    hits: &[Hit],
    placeholder: usize,
    container: Container,
    destination: &Destination,
    draft: &mut Draft,
) {
    for hits in by_string(bytes, hits) {
        match room(bytes, hits, placeholder) {
            Some(end) => rewrite_string(bytes, hits, end, placeholder, destination, draft),
            None => hits.iter().for_each(|hit| container.in_place(bytes, hit, destination, draft)),
        }
    }
}

/// The hits of each NUL-terminated string.
fn by_string<'a>(bytes: &'a [u8], hits: &'a [Hit]) -> impl Iterator<Item = &'a [Hit]> {
    hits.chunk_by(|one, next| memchr::memchr(0, &bytes[one.end..next.start]).is_none())
}

/// Where the room behind a string ends, its terminator left out; `None` where
/// the NULs that ought to be there aren't, or would be too many.
fn room(bytes: &[u8], hits: &[Hit], placeholder: usize) -> Option<usize> {
    if placeholder < PLACEHOLDER.len() {
        return None;
    }
    let end = string_end(bytes, hits.last()?.end)?;
    // What is placed there later needs no more than this, however long the hits are.
    let all = hits.len().checked_mul(placeholder).filter(|&all| all < MOST_ROOM)?;
    if hits.iter().any(|hit| hit.len() > placeholder) {
        return None;
    }
    let room = all - hits.iter().map(Range::len).sum::<usize>();
    (nuls(bytes, end, room + 1) > room).then_some(end + room)
}

fn rewrite_string(
    bytes: &[u8],
    hits: &[Hit],
    end: usize,
    placeholder: usize,
    destination: &Destination,
    draft: &mut Draft,
) {
    let (replacement, listed) = match destination {
        Destination::Fixed(path) if path.len() <= placeholder => (path.as_str(), false),
        _ => (PLACEHOLDER, true),
    };
    let region = hits[0].start..end;
    let (replaced, starts) = replaced(bytes, hits, region.clone(), replacement.as_bytes());
    let at = draft.replace(region, replaced);
    if listed {
        for start in starts {
            draft.list(at + start as u64, placeholder, PlaceholderKind::Padded);
        }
    }
}

/// A region that begins with the first range, with each range replaced, what
/// follows moved and the end filled with NULs or cut; and where the
/// replacements begin in it.
pub(super) fn replaced(
    bytes: &[u8],
    ranges: &[Range<usize>],
    region: Range<usize>,
    replacement: &[u8],
) -> (Vec<u8>, Vec<usize>) {
    let mut output = Vec::with_capacity(region.len() + ranges.len() * replacement.len());
    let mut starts = Vec::with_capacity(ranges.len());
    let mut at = region.start;
    for range in ranges {
        output.extend_from_slice(&bytes[at..range.start]);
        starts.push(output.len());
        output.extend_from_slice(replacement);
        at = range.end;
    }
    output.extend_from_slice(&bytes[at..region.end]);
    output.resize(region.len(), 0);
    (output, starts)
}

/// Where the string that goes on at `from` has its terminator.
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(0, bytes.get(from..)?).map(|length| from + length)
}

/// How many NULs follow at `from`, up to `most` of them.
pub(super) fn nuls(bytes: &[u8], from: usize, most: usize) -> usize {
    bytes[from..].iter().take(most).take_while(|&&byte| byte == 0).count()
}
