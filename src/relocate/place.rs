//! Placeholders, overwritten by someone who knows the destination.
//!
//! The list comes with an archive, so it is checked against the bytes before
//! anything is believed: what doesn't hold its placeholder is left alone and
//! reported.

use std::ops::Range;

use super::canonical;
use super::fixed;
use super::padded::{nuls, replaced, string_end};
use super::prefixes::without_trailing_slashes;
use crate::entry::{Edit, MOST_ROOM, PLACEHOLDER, Placeholder, PlaceholderKind};

/// What [`place`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// To be spliced into the bytes.
    pub edits: Vec<Edit>,
    /// The placeholders for which the destination is too long, or which aren't
    /// where the list says.
    pub unfit: Vec<Placeholder>,
}

/// Writes the destination where a file holds placeholders. `bytes` is the file
/// as it was archived, or a stretch of a binary that ends as those of
/// [`Relocator::in_stretches`](super::Relocator::in_stretches) do; `placeholders`
/// are those in it, in any order.
///
/// Padded placeholders of one NUL-terminated string share its room and are
/// written together: all of them or none.
#[must_use]
pub fn place(bytes: &[u8], placeholders: &[Placeholder], destination: &str) -> Placed {
    let destination = trimmed(destination);
    let mut ordered: Vec<&Placeholder> = placeholders.iter().collect();
    ordered.sort_by_key(|placeholder| placeholder.offset);
    if ordered.iter().any(|placeholder| placeholder.kind == PlaceholderKind::Marshalled) {
        return marshalled(bytes, &ordered, destination);
    }
    let mut placed = Placed::default();
    let mut written = 0;
    for group in ordered.chunk_by(|one, next| in_one_string(bytes, one, next)) {
        let is_free = group[0].offset >= written;
        let edit = is_free.then(|| edit(bytes, group, destination)).flatten();
        match edit {
            Some(edit) => {
                written = edit.offset + edit.length;
                placed.edits.push(edit);
            }
            None => placed.unfit.extend(group.iter().copied().cloned()),
        }
    }
    placed
}

/// Those of a `.pyc`, in which the length of a string is a part of it.
fn marshalled(bytes: &[u8], listed: &[&Placeholder], destination: &str) -> Placed {
    let same_kind = listed.iter().all(|placeholder| placeholder.kind == PlaceholderKind::Marshalled);
    match canonical::place(bytes, listed, destination).filter(|_| same_kind) {
        Some(edit) => Placed { edits: vec![edit], unfit: Vec::new() },
        None => Placed { edits: Vec::new(), unfit: listed.iter().copied().cloned().collect() },
    }
}

/// A destination without a trailing slash.
pub(super) fn trimmed(destination: &str) -> &str {
    &destination[..without_trailing_slashes(destination.as_bytes()).len()]
}

fn in_one_string(bytes: &[u8], one: &Placeholder, next: &Placeholder) -> bool {
    let padded = |placeholder: &Placeholder| placeholder.kind == PlaceholderKind::Padded;
    let between = || bytes.get(position(one.offset)?..position(next.offset)?);
    padded(one) && padded(next) && between().is_some_and(|between| memchr::memchr(0, between).is_none())
}

fn edit(bytes: &[u8], group: &[&Placeholder], destination: &str) -> Option<Edit> {
    let first = group.first()?;
    let (range, replacement) = match first.kind {
        PlaceholderKind::Text => (held(bytes, first)?, destination.as_bytes().to_vec()),
        PlaceholderKind::Fixed => {
            let length = position(first.length)?;
            let start = position(first.offset)?;
            let range = start..start.checked_add(length)?;
            let is_held = destination.len() <= length && fixed::is_remainder(bytes.get(range.clone())?);
            (range, is_held.then(|| fixed::filled(destination, length)).flatten()?)
        }
        PlaceholderKind::Padded => padded(bytes, group, destination)?,
        PlaceholderKind::Marshalled => return None,
    };
    Some(Edit { offset: range.start as u64, length: range.len() as u64, bytes: replacement })
}

fn padded(bytes: &[u8], group: &[&Placeholder], destination: &str) -> Option<(Range<usize>, Vec<u8>)> {
    let fits = |placeholder: &&Placeholder| destination.len() as u64 <= placeholder.length;
    if !group.iter().all(fits) {
        return None;
    }
    let ranges = group.iter().map(|placeholder| held(bytes, placeholder)).collect::<Option<Vec<_>>>()?;
    if ranges.windows(2).any(|pair| pair[1].start < pair[0].end) {
        return None;
    }
    let end = string_end(bytes, ranges.last()?.end)?;
    let present: usize = ranges.iter().map(Range::len).sum();
    let growth = (destination.len() * ranges.len()).saturating_sub(present);
    if growth >= MOST_ROOM || nuls(bytes, end, growth + 1) <= growth {
        return None;
    }
    let region = ranges[0].start..end + growth;
    let (replaced, _) = replaced(bytes, &ranges, region.clone(), destination.as_bytes());
    Some((region, replaced))
}

/// Where a placeholder stands, if it does: as much of it as there was room for.
fn held(bytes: &[u8], placeholder: &Placeholder) -> Option<Range<usize>> {
    let start = position(placeholder.offset)?;
    let room = match placeholder.kind {
        PlaceholderKind::Text | PlaceholderKind::Marshalled => PLACEHOLDER.len(),
        PlaceholderKind::Padded | PlaceholderKind::Fixed => {
            position(placeholder.length).filter(|&room| room > 0)?
        }
    };
    let present = &PLACEHOLDER.as_bytes()[..room.min(PLACEHOLDER.len())];
    bytes.get(start..)?.starts_with(present).then(|| start..start + present.len())
}

fn position(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholder(offset: u64, length: u64, kind: PlaceholderKind) -> Placeholder {
        Placeholder { path: "x".to_owned(), offset, length, kind }
    }

    #[test]
    fn a_list_that_lies_changes_nothing() {
        use PlaceholderKind::{Fixed, Padded, Text};
        let bytes = b"0123/.envship\0\0\0\0/.envship//";
        for wrong in [
            placeholder(3, 9, Text),
            placeholder(u64::MAX, 9, Text),
            placeholder(u64::MAX, u64::MAX, Fixed),
            placeholder(17, 12, Fixed),
            placeholder(4, 10, Fixed),
            placeholder(17, 20, Padded),
            placeholder(1, 0, Padded),
            placeholder(1, 0, Text),
            placeholder(4, u64::MAX - 1, Padded),
        ] {
            let placed = place(bytes, std::slice::from_ref(&wrong), "/a/longer/path");
            assert_eq!(placed, Placed { edits: vec![], unfit: vec![wrong] });
        }
    }

    #[test]
    fn a_placeholder_is_written_once() {
        let twice = [placeholder(0, 9, PlaceholderKind::Text), placeholder(0, 9, PlaceholderKind::Fixed)];
        let placed = place(b"/.envship", &twice, "/e");
        assert_eq!((placed.edits.len(), placed.unfit.len()), (1, 1));
    }

    #[test]
    fn a_padded_string_holds_as_much_as_its_nuls() {
        let bytes = b"/.envship/a:/.envship/b\0\0\0\0\0\0\0";
        let list =
            [placeholder(0, 12, PlaceholderKind::Padded), placeholder(12, 12, PlaceholderKind::Padded)];
        let written = |destination| {
            let placed = place(bytes, &list, destination);
            (crate::relocate::splice(bytes, &placed.edits), placed.unfit.len())
        };
        assert_eq!(written("/123456789ab"), (b"/123456789ab/a:/123456789ab/b\0".to_vec(), 0));
        assert_eq!(written("/e"), (b"/e/a:/e/b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 0));
        assert_eq!(written("/123456789abc"), (bytes.to_vec(), 2));
    }
}
