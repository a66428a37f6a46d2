//! Text: each prefix is spliced, whatever that does to the length.

use super::Destination;
use super::draft::Draft;
use super::prefixes::Hit;
use crate::entry::{PLACEHOLDER, PlaceholderKind};

/// Whether bytes can change their length: text has no NUL.
pub(super) fn looks_like_text(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_none()
}

pub(super) fn rewrite(hits: &[Hit], destination: &Destination, draft: &mut Draft) {
    for hit in hits {
        match destination {
            Destination::Fixed(path) => {
                draft.replace(hit.clone(), path.as_bytes().to_vec());
            }
            Destination::Anywhere => {
                let at = draft.replace(hit.clone(), PLACEHOLDER.as_bytes().to_vec());
                draft.list(at, PLACEHOLDER.len(), PlaceholderKind::Text);
            }
        }
    }
}
