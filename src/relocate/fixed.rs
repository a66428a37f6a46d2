//! In place: the replacement fills the length of the original prefix.
//!
//! The rule for binaries of which nothing is known. What is too short is filled
//! up with slashes, and `/.envship////lib` names the same file as
//! `/.envship/lib`; so nothing that follows moves, and strings that share tails,
//! that say their length, or whose length was compiled in stay right.

use super::Destination;
use super::draft::Draft;
use super::prefixes::Hit;
use crate::entry::{PLACEHOLDER, PlaceholderKind};

/// Whether what is written stays listed as a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    Listed,
    /// Something else corrects it at run time.
    Unlisted,
}

pub(super) fn rewrite(hit: &Hit, destination: &Destination, listing: Listing, draft: &mut Draft) {
    let known = match destination {
        Destination::Fixed(path) => filled(path, hit.len()),
        Destination::Anywhere => None,
    };
    let listed = known.is_none() && listing == Listing::Listed;
    let at = draft.replace(hit.clone(), known.unwrap_or_else(|| remainder(hit.len())));
    if listed {
        draft.list(at, hit.len(), PlaceholderKind::Fixed);
    }
}

/// A path filled up with slashes, if it fits.
pub(super) fn filled(path: &str, length: usize) -> Option<Vec<u8>> {
    let mut bytes = path.as_bytes().to_vec();
    (bytes.len() <= length).then(|| {
        bytes.resize(length, b'/');
        bytes
    })
}

/// Whether all of this is what [`remainder`] gives.
pub(super) fn is_remainder(bytes: &[u8]) -> bool {
    let (start, rest) = bytes.split_at(bytes.len().min(PLACEHOLDER.len()));
    PLACEHOLDER.as_bytes().starts_with(start) && rest.iter().all(|&byte| byte == b'/')
}

/// The placeholder filled up with slashes, or as much of it as there is room for.
pub(super) fn remainder(length: usize) -> Vec<u8> {
    let mut bytes = PLACEHOLDER.as_bytes()[..length.min(PLACEHOLDER.len())].to_vec();
    bytes.resize(length, b'/');
    bytes
}
