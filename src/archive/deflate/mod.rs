//! Deflate (RFC 1951), in blocks that know nothing of each other.
//!
//! libdeflate makes smaller streams in less time than any zlib, but only
//! whole ones: it has no flush. A stream that shall go on is opened again
//! afterwards: its last block is made one of many, and an empty stored block
//! brings it to the end of a byte, as `Z_SYNC_FLUSH` does in zlib.

mod stream;

use stream::{Compressor, Ends};

/// How each stretch but the last ends: the length of an empty stored block
/// and its complement (3.2.4).
pub(super) const MARK: [u8; 4] = [0, 0, 0xff, 0xff];

/// The most bytes that [`open`] adds.
const ENDING: usize = 1 + MARK.len();

/// The header of a stored block, in bits.
const STORED: usize = 3;

/// What follows a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another block: this one ends on a byte boundary.
    Block,
    /// Nothing: the stream ends.
    End,
}

/// Compresses blocks of a raw deflate stream.
pub(super) struct Deflater {
    compressor: Compressor,
    /// Room for what may come out, which is more than what does.
    room: Vec<u8>,
}

impl Deflater {
    /// # Panics
    /// If the level is no level of [`Layout::levels`](super::Layout::levels).
    pub(super) fn new(level: u32) -> Self {
        Deflater { compressor: Compressor::new(level), room: Vec::new() }
    }

    /// Appends the compressed block to `out`.
    pub(super) fn block(&mut self, raw: &[u8], next: Next, out: &mut Vec<u8>) {
        let ends = self.compressor.compress(raw, &mut self.room);
        let (start, size) = (out.len(), ends.end.div_ceil(8));
        out.reserve(size + ENDING);
        out.extend_from_slice(&self.room[..size]);
        if next == Next::Block {
            open(start, ends, out);
        }
    }
}

/// Lets something follow the stream that begins at `start`.
fn open(start: usize, Ends { last_block, end }: Ends, out: &mut Vec<u8>) {
    // BFINAL is the lowest bit of a block's header; what is left of the last byte is zero, as the
    // header of a stored block that is not the last one is.
    out[start + last_block / 8] &= !(1 << (last_block % 8));
    if end.next_multiple_of(8) - end < STORED {
        out.push(0);
    }
    out.extend(MARK);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let (mut raw, mut decoder) = (Vec::new(), flate2::bufread::DeflateDecoder::new(stream));
        decoder.read_to_end(&mut raw).unwrap();
        assert_eq!(decoder.total_in(), stream.len() as u64, "something is behind the end");
        raw
    }

    /// Bytes of every kind: such that are stored, such that need few codes, such
    /// that need many and long ones, and such that come again.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let of = |values: std::ops::RangeInclusive<u8>, most| proptest::collection::vec(values, 0..most);
        let skewed = proptest::collection::vec(any::<u64>(), 0..3000).prop_map(|numbers| {
            numbers.iter().map(|number| number.trailing_zeros().to_le_bytes()[0]).collect()
        });
        let run = (any::<u8>(), 0_usize..100_000).prop_map(|(byte, size)| vec![byte; size]);
        let kind = prop_oneof![of(0..=255, 70_000), of(0..=3, 20_000), of(b'a'..=b'z', 300), skewed, run];
        let kinds = proptest::collection::vec(kind, 0..4);
        (kinds, 1_usize..4).prop_map(|(kinds, times)| kinds.concat().repeat(times))
    }

    proptest! {
        #[test]
        fn joined_blocks_are_one_stream(
            blocks in proptest::collection::vec(bytes(), 1..4),
            level in 0_u32..=9,
        ) {
            let (mut deflater, mut stream) = (Deflater::new(level), b"before".to_vec());
            for block in &blocks {
                deflater.block(block, Next::Block, &mut stream);
                prop_assert!(stream.ends_with(&MARK));
            }
            deflater.block(b"the end", Next::End, &mut stream);
            prop_assert_eq!(inflated(&stream[6..]), [blocks.concat(), b"the end".to_vec()].concat());
        }
    }
}
