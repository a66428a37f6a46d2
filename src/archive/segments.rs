//! Compressed stretches of archives, kept for the next archive that holds the
//! same entries.
//!
//! A stretch's bytes are a function of its entries and the layout, so they
//! are found by a digest of those, and taking them from a cache gives the
//! archive that making them would give.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::blocks::slices;
use super::digest::{Contents, LAYOUT_VERSION};
use super::layout::Layout;
use crate::cache::{Cache, Key, Kind};
use crate::entry::{Measured, Node};

/// CRC-32 and size of something compressed, as it is kept: four bytes and
/// eight.
const SUM: usize = 12;

/// A compressed stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub bytes: Vec<u8>,
    /// Of what was compressed: the whole, or file by file.
    pub sums: Vec<Sum>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub crc: u32,
    pub size: u64,
}

/// The cache, as far as one archive is concerned.
pub(super) struct Segments<'a> {
    cache: Option<&'a Cache>,
    layout: Sha256,
}

impl<'a> Segments<'a> {
    /// Where nothing is compressed, nothing is worth keeping.
    pub(super) fn new(cache: Option<&'a Cache>, layout: &Layout) -> Self {
        let compressed = Layout::levels(layout.format) != (0..=0);
        let text = format!("{LAYOUT_VERSION} {} {} {} ", layout.format, layout.level, layout.time);
        Segments {
            cache: cache.filter(|_| compressed),
            layout: Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(text),
        }
    }

    /// The stretch of these entries, or of this part of the one entry, from the
    /// cache or made by `make`.
    pub(super) fn get<E>(
        &self,
        entries: &[Measured],
        part: Option<&Range<u64>>,
        make: impl FnOnce() -> Result<Segment, E>,
    ) -> Result<Segment, E> {
        let Some(cache) = self.cache else { return make() };
        let key = self.key(entries, part);
        if let Some(segment) = cache.get(Kind::Segments, &key).and_then(Segment::decoded) {
            return Ok(segment);
        }
        let segment = make()?;
        cache.put(Kind::Segments, &key, &[&segment.bytes, &segment.tail()]);
        Ok(segment)
    }

    /// Removes all slices of an entry, in blocks of about `target` bytes, from
    /// the cache: one of them isn't what was measured.
    pub(super) fn forget(&self, item: &Measured, target: u64) {
        let Some(cache) = self.cache else { return };
        for part in slices(item.size, target) {
            cache.forget(Kind::Segments, &self.key(std::slice::from_ref(item), Some(&part)));
        }
    }

    fn key(&self, entries: &[Measured], part: Option<&Range<u64>>) -> Key {
        let mut contents = Contents::default();
        for item in entries {
            let path = &item.entry.path;
            match &item.entry.node {
                Node::Directory => contents.directory(path),
                Node::Link(target) => contents.link(path, target),
                Node::File(file) => contents.file(path, file.executable, item.size, item.sha256),
            }
        }
        let part = part.map_or_else(String::new, |part| format!(" {}-{}", part.start, part.end));
        self.layout.clone().chain_update(contents.finish()).chain_update(part).finalize().into()
    }
}

impl Segment {
    fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::with_capacity(self.sums.len() * SUM + 4);
        for sum in &self.sums {
            tail.extend(sum.crc.to_le_bytes());
            tail.extend(sum.size.to_le_bytes());
        }
        let count = u32::try_from(self.sums.len()).expect("a stretch has few entries");
        tail.extend(count.to_le_bytes());
        tail
    }

    fn decoded(mut bytes: Vec<u8>) -> Option<Self> {
        let (rest, count) = bytes.split_last_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(SUM)?;
        let start = rest.len().checked_sub(length)?;
        let sums = rest[start..].chunks_exact(SUM).map(|sum| {
            let (crc, size) = sum.split_at(4);
            let crc = u32::from_le_bytes(crc.try_into().expect("four bytes"));
            Sum { crc, size: u64::from_le_bytes(size.try_into().expect("eight bytes")) }
        });
        let sums = sums.collect();
        bytes.truncate(start);
        Some(Segment { bytes, sums })
    }
}

impl Sum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Sum { crc: crc32fast::hash(bytes), size: bytes.len() as u64 }
    }

    /// To be combined with that of what comes before.
    pub(super) fn hasher(self) -> crc32fast::Hasher {
        crc32fast::Hasher::new_with_initial_len(self.crc, self.size)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_segment_is_read_as_it_was_kept(
            bytes in proptest::collection::vec(any::<u8>(), 0..50),
            sums in proptest::collection::vec((any::<u32>(), any::<u64>()), 0..5),
        ) {
            let sums = sums.into_iter().map(|(crc, size)| Sum { crc, size }).collect();
            let segment = Segment { bytes, sums };
            let kept = [segment.bytes.clone(), segment.tail()].concat();
            prop_assert_eq!(Segment::decoded(kept), Some(segment));
        }

        #[test]
        fn what_is_no_segment_is_not_taken_for_one(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = Segment::decoded(bytes);
        }
    }
}
