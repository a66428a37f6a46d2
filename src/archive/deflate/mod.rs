//! Deflate (RFC 1951), in blocks that know nothing of each other.
//!
//! libdeflate makes smaller streams in less time than any zlib, but only
//! whole ones: it has no flush. A stream that shall go on is opened again
//! afterwards: its last block is made one of many, and an empty stored block
//! brings it to the end of a byte, as `Z_SYNC_FLUSH` does in zlib.

mod code;
mod walk;

use std::io;

use libdeflater::{CompressionLvl, Compressor};

use walk::{Ends, walk};

/// How each stretch but the last ends: the length of an empty stored block
/// and its complement (3.2.4).
pub(super) const MARK: [u8; 4] = [0, 0, 0xff, 0xff];

/// The most bytes that [`open`] adds.
const ENDING: usize = 1 + MARK.len();

/// The bits before [`MARK`]: the header of a stored block that is not the
/// last one.
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
        let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
        Deflater { compressor: Compressor::new(level.expect("levels are checked")), room: Vec::new() }
    }

    /// Appends the compressed block to `out`.
    pub(super) fn block(&mut self, raw: &[u8], next: Next, out: &mut Vec<u8>) -> io::Result<()> {
        let bound = self.compressor.deflate_compress_bound(raw.len());
        if self.room.len() < bound {
            self.room.resize(bound, 0);
        }
        let size = self.compressor.deflate_compress(raw, &mut self.room).map_err(io::Error::other)?;
        let start = out.len();
        out.reserve(size + ENDING);
        out.extend_from_slice(&self.room[..size]);
        if next == Next::Block {
            open(start, out).ok_or_else(|| io::Error::other("libdeflate made no deflate stream"))?;
        }
        Ok(())
    }
}

/// Lets something follow the stream that begins at `start`.
fn open(start: usize, out: &mut Vec<u8>) -> Option<()> {
    let Ends { last_block, end } = walk(&out[start..])?;
    // BFINAL is the lowest bit of a block's header; what is left of the last byte is zero, as the
    // header of a stored block is.
    out[start + last_block / 8] &= !(1 << (last_block % 8));
    if end.next_multiple_of(8) - end < STORED {
        out.push(0);
    }
    out.extend(MARK);
    Some(())
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

    /// Bytes of every kind: such that are stored, such that need few codes, and
    /// such that need many and long ones.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let of = |values: std::ops::RangeInclusive<u8>, most| proptest::collection::vec(values, 0..most);
        let skewed = proptest::collection::vec(any::<u64>(), 0..3000).prop_map(|numbers| {
            numbers.iter().map(|number| number.trailing_zeros().to_le_bytes()[0]).collect()
        });
        let run = (any::<u8>(), 0_usize..100_000).prop_map(|(byte, size)| vec![byte; size]);
        let kind = prop_oneof![of(0..=255, 70_000), of(0..=3, 20_000), of(b'a'..=b'z', 300), skewed, run];
        proptest::collection::vec(kind, 0..4).prop_map(|kinds| kinds.concat())
    }

    proptest! {
        #[test]
        fn joined_blocks_are_one_stream(
            blocks in proptest::collection::vec(bytes(), 1..4),
            level in 0_u32..=9,
        ) {
            let (mut deflater, mut stream) = (Deflater::new(level), b"before".to_vec());
            for block in &blocks {
                deflater.block(block, Next::Block, &mut stream).unwrap();
                prop_assert!(stream.ends_with(&MARK));
            }
            deflater.block(b"the end", Next::End, &mut stream).unwrap();
            prop_assert_eq!(inflated(&stream[6..]), [blocks.concat(), b"the end".to_vec()].concat());
        }

        #[test]
        fn zlibs_streams_are_walked_too(raw in bytes(), level in 0_u32..=9) {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
            io::Write::write_all(&mut encoder, &raw).unwrap();
            let mut stream = encoder.finish().unwrap();
            open(0, &mut stream).unwrap();
            stream.extend([3, 0]);
            prop_assert_eq!(inflated(&stream), raw);
        }

        #[test]
        fn what_is_no_stream_is_walked_to_nowhere(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(Ends { last_block, end }) = walk(&bytes) {
                prop_assert!(last_block < end && end <= bytes.len() * 8);
            }
        }
    }

    #[test]
    fn a_stream_that_is_cut_short_has_no_end() {
        let mut stream = Vec::new();
        Deflater::new(6).block(&b"one two three ".repeat(9), Next::End, &mut stream).unwrap();
        assert!(walk(&stream).is_some());
        for length in 0..stream.len() {
            assert_eq!(walk(&stream[..length]), None, "{length}");
        }
    }
}
