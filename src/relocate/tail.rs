//! C strings of ELF files that end with the prefix, and whose tails are strings
//! of their own.
//!
//! Linkers store `"3.11.7"` or `"1"` as the end of a longer string that ends
//! with it: of `"/opt/python/3.11.7"`, if the prefix is compiled in. Filling that
//! up with slashes gives a Python whose version is `//////`. So the last
//! component of the prefix stays where it is, behind the NUL that now ends the
//! shorter path: `/.envship\0\0\03.11.7`. What lies between is
//! [padding](crate::entry::PlaceholderKind::Padded).

use super::Destination;
use super::draft::Draft;
use super::prefixes::Hit;
use crate::entry::{PLACEHOLDER, PlaceholderKind};

/// Less than this names nothing but the root directory.
const SHORTEST: usize = 2;

/// Rewrites a prefix that ends its C string in an ELF file; `false` where this
/// is no such place, or too short for a placeholder and the tail.
pub(super) fn rewrite(bytes: &[u8], hit: &Hit, destination: &Destination, draft: &mut Draft) -> bool {
    if bytes.get(hit.end) != Some(&0) {
        return false;
    }
    let tail = bytes[hit.clone()].rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let room = hit.len().saturating_sub(tail.len() + 1);
    if room < SHORTEST {
        return false;
    }
    let (path, listed) = match destination {
        Destination::Fixed(path) if path.len() <= room => (path.as_str(), false),
        _ => (&PLACEHOLDER[..room.min(PLACEHOLDER.len())], true),
    };
    let mut replacement = path.as_bytes().to_vec();
    replacement.resize(hit.len() - tail.len(), 0);
    replacement.extend_from_slice(tail);
    let at = draft.replace(hit.clone(), replacement);
    if listed {
        draft.list(at, room, PlaceholderKind::Padded);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocate::{place, splice};

    fn rewritten(prefix: &str, destination: &Destination) -> (Vec<u8>, Vec<crate::entry::Placeholder>) {
        let bytes = format!("\x7fELF\0{prefix}\0");
        let mut draft = Draft::new("lib/x.so");
        let hit = 5..5 + prefix.len();
        if !rewrite(bytes.as_bytes(), &hit, destination, &mut draft) {
            return (vec![], vec![]);
        }
        (splice(bytes.as_bytes(), &draft.edits), draft.placeholders)
    }

    #[test]
    fn the_last_component_stays_behind_the_end() {
        let (bytes, listed) = rewritten("/opt/python/3.11.7", &Destination::Anywhere);
        assert_eq!(bytes, b"\x7fELF\0/.envship\0\0\x003.11.7\0");
        assert_eq!((listed[0].offset, listed[0].length), (5, 11));
        let placed = |destination| {
            let placed = place(&bytes, &listed, destination);
            (splice(&bytes, &placed.edits), placed.unfit.len())
        };
        assert_eq!(placed("/eleven/ltr"), (b"\x7fELF\0/eleven/ltr\x003.11.7\0".to_vec(), 0));
        assert_eq!(placed("/e"), (b"\x7fELF\0/e\0\0\0\0\0\0\0\0\0\x003.11.7\0".to_vec(), 0));
        assert_eq!(placed("/twelve/lttr"), (bytes.clone(), 1));
    }

    #[test]
    fn a_known_destination_is_written() {
        let known = Destination::Fixed("/e".to_owned());
        let (bytes, listed) = rewritten("/opt/env", &known);
        assert_eq!((&bytes[..], listed), (&b"\x7fELF\0/e\0\0\0env\0"[..], vec![]));
    }

    #[test]
    fn a_short_prefix_leaves_a_marked_remainder() {
        let (bytes, listed) = rewritten("/opt/env", &Destination::Anywhere);
        assert_eq!(bytes, b"\x7fELF\0/.en\0env\0");
        let placed = place(&bytes, &listed, "/o/e");
        assert_eq!(splice(&bytes, &placed.edits), b"\x7fELF\0/o/e\0env\0");
        assert_eq!(rewritten("/env", &Destination::Anywhere), (vec![], vec![]));
    }
}
