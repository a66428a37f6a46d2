//! Compiled Python: the header of PEP 552, and, where [`canonical`] doesn't
//! understand a stream, marshalled strings in place.
//!
//! [`canonical`]: super::canonical
//!
//! File names inside code objects need no destination: importing replaces them
//! by the real one (`_imp._fix_co_filename`), so they aren't listed. Other
//! constants, such as those of `_sysconfigdata`, are.

use std::ops::Range;

use super::Destination;
use super::draft::Draft;
use super::fixed::{self, Listing};
use super::prefixes::{Hit, Prefixes};
use crate::entry::SourceCheck;

/// Magic number, flags, hash of the source.
pub(super) const HEADER: usize = 16;

/// What follows the magic number: the hash stands for the source, whatever its
/// time is, and is compared with it or not (PEP 552).
pub(super) fn header(source_hash: [u8; 8], check: SourceCheck) -> Vec<u8> {
    let flags: u32 = match check {
        SourceCheck::Unchecked => 0b01,
        SourceCheck::Checked => 0b11,
    };
    let mut header = flags.to_le_bytes().to_vec();
    header.extend(source_hash);
    header
}

/// Makes a `.pyc` valid whatever the time of its source.
pub(super) fn rewrite_header(bytes: &[u8], source_hash: [u8; 8], check: SourceCheck, draft: &mut Draft) {
    let header = header(source_hash, check);
    if bytes.len() >= HEADER && bytes[4..HEADER] != header {
        draft.replace(4..HEADER, header);
    }
}

/// Rewrites the prefixes behind the header in place, since each marshalled
/// string says how long it is.
pub(super) fn rewrite_body(bytes: &[u8], prefixes: &Prefixes, destination: &Destination, draft: &mut Draft) {
    for hit in prefixes.hits_within(bytes, |hit| string_around(bytes, hit)) {
        if hit.start < HEADER {
            continue;
        }
        let file_name = string_around(bytes, &hit).is_some_and(|string| bytes[string].ends_with(b".py"));
        let listing = if file_name { Listing::Unlisted } else { Listing::Listed };
        fixed::rewrite(&hit, destination, listing, draft);
    }
}

/// The nearest marshalled string of printable bytes that holds a range: a type
/// code (with or without marshal's reference flag) and the length in one byte or
/// four, then the string.
fn string_around(bytes: &[u8], hit: &Hit) -> Option<Range<usize>> {
    /// Longer strings exist, but paths don't begin that far inside of them.
    const REACH: usize = 64 * 1024;
    for start in (hit.start.saturating_sub(REACH)..=hit.start).rev() {
        if start < hit.start && matches!(bytes[start], 0..=8 | 14..=31) {
            return None;
        }
        let length = match &bytes[..start] {
            [.., code, length] if b"zZ".contains(&(code & 0x7f)) => usize::from(*length),
            [.., code, a, b, c, d] if b"aAuts".contains(&(code & 0x7f)) => {
                usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?
            }
            _ => continue,
        };
        let end = start.checked_add(length)?;
        if (hit.end..=bytes.len()).contains(&end) {
            return Some(start..end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::PlaceholderKind::Fixed;
    use crate::relocate::splice;

    const PREFIX: &str = "/home/u/envs/e1";

    fn rewritten(bytes: &[u8], hash: Option<[u8; 8]>) -> (Vec<u8>, Vec<u64>) {
        let prefixes = Prefixes::new(&[PREFIX.into()]);
        let mut draft = Draft::new("lib/x.pyc");
        if let Some(hash) = hash {
            rewrite_header(bytes, hash, SourceCheck::Unchecked, &mut draft);
        }
        rewrite_body(bytes, &prefixes, &Destination::Anywhere, &mut draft);
        assert!(draft.placeholders.iter().all(|placeholder| placeholder.kind == Fixed));
        (
            splice(bytes, &draft.edits),
            draft.placeholders.iter().map(|placeholder| placeholder.offset).collect(),
        )
    }

    /// A header, then strings as marshal writes short ones, then a code of its own.
    fn compiled(strings: &[&str]) -> Vec<u8> {
        let mut bytes = b"\xa7\x0d\x0d\x0a\x00\x00\x00\x00timesize".to_vec();
        for string in strings {
            bytes.extend([b'z' | 0x80, u8::try_from(string.len()).unwrap()]);
            bytes.extend(string.bytes());
        }
        bytes.push(b'N');
        bytes
    }

    #[test]
    fn the_header_becomes_an_unchecked_hash() {
        let (bytes, _) = rewritten(&compiled(&["x"]), Some(*b"01234567"));
        assert_eq!(bytes[..16], *b"\xa7\x0d\x0d\x0a\x01\x00\x00\x0001234567");
        assert_eq!(bytes[16..], compiled(&["x"])[16..]);
        assert_eq!(rewritten(&bytes, Some(*b"01234567")).0, bytes);
    }

    #[test]
    fn bytecode_that_is_cut_off_is_left_alone() {
        assert_eq!(rewritten(b"\xa7\x0d\x0d\x0a\x00", Some([0; 8])).0, b"\xa7\x0d\x0d\x0a\x00");
    }

    #[test]
    fn file_names_are_rewritten_but_not_listed() {
        let long = format!("{PREFIX}/lib/python3.11/site-packages/pack/age/module.py");
        let (bytes, listed) = rewritten(&compiled(&[&long, "a"]), None);
        let expected = compiled(&[&long.replace(PREFIX, "/.envship//////"), "a"]);
        assert_eq!((bytes, listed), (expected, vec![]));
    }

    #[test]
    fn other_constants_are_found_by_their_length_and_listed() {
        let flag = format!("-L{PREFIX}");
        let (bytes, listed) = rewritten(&compiled(&[PREFIX, &flag, PREFIX]), None);
        let flag = flag.replace(PREFIX, "/.envship//////");
        let expected = compiled(&["/.envship//////", &flag, "/.envship//////"]);
        assert_eq!((bytes, listed), (expected, vec![18, 37, 54]));
    }

    #[test]
    fn a_longer_name_is_left_alone() {
        for string in ["/home/u/envs/e12", "/x/home/u/envs/e1", "/home/u/envs/e1-dev/x.py"] {
            let bytes = compiled(&[string]);
            assert_eq!(rewritten(&bytes, None), (bytes, vec![]));
        }
    }
}
