//! Values by path in little room: an environment may have a million files, and
//! what is known of them lies in memory while they are read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The start of the SHA-256 of a path.
type Name = [u8; 16];

/// What comes before a value: its name, and its length as four bytes.
const HEAD: usize = size_of::<Name>() + 4;

/// Encoded values, one behind the other, and where each begins, ordered by
/// name.
#[derive(Default)]
pub(super) struct Shelf {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Shelf {
    /// Opens what [`put`] filled; empty if it can't have been that.
    pub(super) fn open(bytes: Vec<u8>) -> Self {
        let (mut starts, mut start) = (Vec::new(), 0);
        while start < bytes.len() {
            let Some((_, value)) = record(&bytes, start) else { return Shelf::default() };
            starts.push(start);
            start += HEAD + value.len();
        }
        starts.sort_unstable_by_key(|start| record(&bytes, *start).map(|(name, _)| name));
        Shelf { bytes, starts }
    }

    pub(super) fn get<V: DeserializeOwned>(&self, path: &str) -> Option<V> {
        let at = |start: usize| record(&self.bytes, start);
        let wanted = Some(name(path));
        let found = self.starts.binary_search_by_key(&wanted, |start| Some(at(*start)?.0)).ok()?;
        postcard::from_bytes(at(self.starts[found])?.1).ok()
    }
}

/// Appends a value to the bytes of a shelf.
pub(super) fn put(bytes: &mut Vec<u8>, path: &str, value: &impl Serialize) -> Result<(), postcard::Error> {
    let value = postcard::to_stdvec(value)?;
    let length = u32::try_from(value.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
    bytes.extend_from_slice(&name(path));
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&value);
    Ok(())
}

fn record(bytes: &[u8], start: usize) -> Option<(Name, &[u8])> {
    let (head, rest) = bytes.get(start..)?.split_first_chunk::<HEAD>()?;
    let (name, length) = head.split_first_chunk()?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    Some((*name, rest.get(..usize::try_from(length).ok()?)?))
}

fn name(path: &str) -> Name {
    let digest: [u8; 32] = Sha256::digest(path).into();
    let (name, _) = digest.split_first_chunk().expect("half a digest");
    *name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn filled(values: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, value) in values {
            put(&mut bytes, path, value).unwrap();
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_was_put_is_found_by_its_path(
            values in proptest::collection::btree_map(".{0,9}", any::<Vec<u8>>(), 0..40),
            other in ".{10}",
        ) {
            let shelf = Shelf::open(filled(&values));
            for (path, value) in &values {
                prop_assert_eq!(shelf.get::<Vec<u8>>(path), Some(value.clone()));
            }
            prop_assert_eq!(shelf.get::<Vec<u8>>(&other), None);
        }

        #[test]
        fn what_is_cut_off_holds_nothing(
            values in proptest::collection::btree_map(".{0,9}", any::<Vec<u8>>(), 1..9),
            lost in 1..HEAD,
        ) {
            let mut bytes = filled(&values);
            bytes.truncate(bytes.len() - lost);
            let shelf = Shelf::open(bytes);
            for path in values.keys() {
                prop_assert_eq!(shelf.get::<Vec<u8>>(path), None);
            }
        }
    }
}
