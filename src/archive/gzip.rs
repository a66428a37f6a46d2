//! gzip (RFC 1952): one member, whatever the number of blocks, since some
//! readers stop after the first.

use std::io;

use super::codec::{Codec, Compressor};
use super::deflate::{Deflater, Next};

/// Deflate's window is 32 KiB: at this size a block's missing history costs
/// less than 2 % and its reset nothing.
const BLOCK: u64 = 1 << 20;

/// No time and an unknown system: nothing of this machine. The comment (RFC
/// 1952, 2.3) says that blocks are independent and end with a
/// [`MARK`](super::deflate::MARK), so that a reader who knows it can use all cores.
/// An extra field would be the place for it, but Python's `tarfile` can't read
/// a stream that has one.
pub(super) const HEADER: [u8; 13] = [0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 255, b'E', b'V', 0];

pub(super) struct Gzip {
    pub(super) level: u32,
}

impl Codec for Gzip {
    fn block_size(&self) -> u64 {
        BLOCK
    }

    fn header(&self) -> Vec<u8> {
        HEADER.to_vec()
    }

    fn compressor(&self) -> io::Result<Compressor> {
        let mut deflater = Deflater::new(self.level);
        Ok(Box::new(move |raw: &[u8], next: Next| {
            let mut out = Vec::new();
            deflater.block(raw, next, &mut out);
            Ok(out)
        }))
    }

    /// CRC-32 and the size modulo 2³².
    #[allow(clippy::cast_possible_truncation)]
    fn trailer(&self, crc: u32, blocks: &[(u64, u64)]) -> Vec<u8> {
        let size: u64 = blocks.iter().map(|(_, size)| size).sum();
        [crc.to_le_bytes(), (size as u32).to_le_bytes()].concat()
    }
}
