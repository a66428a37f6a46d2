//! Compressed stretches of archives: those of the pass before, and those kept
//! for the next archive that holds the same entries.
//!
//! A stretch's bytes are a function of its entries and the layout, so they
//! are found by a digest of those, and taking them from where they were kept
//! gives the archive that making them would give.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::blocks::slices;
use super::digest::{Contents, LAYOUT_VERSION};
use super::layout::Layout;
use super::spool::{Spool, Stamps};
use crate::cache::{Cache, Key, Kind};
use crate::entry::Measured;

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

/// What is kept of one archive: for this run, and in the cache.
pub(super) struct Segments<'a> {
    cache: Option<&'a Cache>,
    spool: Option<&'a Spool>,
    layout: Sha256,
}

impl<'a> Segments<'a> {
    /// Where nothing is compressed, nothing is worth keeping.
    pub(super) fn new(cache: Option<&'a Cache>, spool: Option<&'a Spool>, layout: &Layout) -> Self {
        let text = format!("{LAYOUT_VERSION} {} {} {} ", layout.format, layout.level, layout.time);
        Segments {
            cache: cache.filter(|_| layout.compresses()),
            spool,
            layout: Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(text),
        }
    }

    /// By which the stretch of these entries, or of this part of the one entry, is
    /// found, if anything is kept at all.
    pub(super) fn key(&self, entries: &[Measured], part: Option<&Range<u64>>) -> Option<Key> {
        if self.cache.is_none() && self.spool.is_none() {
            return None;
        }
        let mut contents = Contents::default();
        for item in entries {
            contents.entry(item);
        }
        Some(self.key_of(contents, part))
    }

    /// Whether the pass before made a stretch; it may be lost by now.
    pub(super) fn is_spooled(&self, key: &Key) -> bool {
        self.spool.is_some_and(|spool| spool.was_put(key))
    }

    /// Whether a stretch that the pass before made is there, and of these entries as
    /// they are.
    pub(super) fn is_current(&self, key: &Key, entries: &[Measured]) -> bool {
        self.spool.is_some_and(|spool| spool.is_current(key, entries))
    }

    /// A stretch that the pass before made, for the one time that it is needed.
    pub(super) fn spooled(&self, key: &Key) -> Option<Segment> {
        Segment::decoded(self.spool?.take(key)?)
    }

    /// A stretch from the cache, or made by `make`.
    pub(super) fn get<E>(
        &self,
        key: Option<&Key>,
        make: impl FnOnce() -> Result<Segment, E>,
    ) -> Result<Segment, E> {
        let Some((cache, key)) = self.cache.zip(key) else { return make() };
        if let Some(segment) = cache.get(Kind::Segments, key).and_then(Segment::decoded) {
            return Ok(segment);
        }
        let segment = make()?;
        cache.put(Kind::Segments, key, &[&segment.bytes, &segment.tail()]);
        Ok(segment)
    }

    /// Keeps the stretch of these entries, made by `make`, for the time when it
    /// is asked for, if it can be kept.
    pub(super) fn prepare<E>(
        &self,
        contents: Contents,
        stamps: Stamps,
        make: impl FnOnce() -> Result<Segment, E>,
    ) -> Result<(), E> {
        let Some(spool) = self.spool.filter(|spool| spool.is_open()) else { return Ok(()) };
        let key = self.key_of(contents, None);
        if self.cache.is_some_and(|cache| cache.has(Kind::Segments, &key)) {
            return Ok(());
        }
        let segment = make()?;
        let parts = [&segment.bytes[..], &segment.tail()];
        if let Some(cache) = self.cache {
            cache.put(Kind::Segments, &key, &parts);
        }
        spool.put(key, stamps, parts);
        Ok(())
    }

    /// Removes all slices of an entry, in blocks of about `target` bytes, from
    /// the cache: one of them isn't what was measured.
    pub(super) fn forget(&self, item: &Measured, target: u64) {
        let Some(cache) = self.cache else { return };
        for part in slices(item.size, target) {
            if let Some(key) = self.key(std::slice::from_ref(item), Some(&part)) {
                cache.forget(Kind::Segments, &key);
            }
        }
    }

    fn key_of(&self, contents: Contents, part: Option<&Range<u64>>) -> Key {
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
