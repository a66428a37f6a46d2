//! What a tar stream goes through, by format.

use std::io;

use super::deflate::Next;
use super::gzip::Gzip;
use super::layout::Layout;
use super::zstd::Zstd;
use crate::artifact::Format;

/// What a tar stream goes through.
pub(super) trait Codec: Sync {
    /// About how much a block holds, in bytes.
    fn block_size(&self) -> u64;

    /// What comes before the first block.
    fn header(&self) -> Vec<u8>;

    /// Made once per thread.
    fn compressor(&self) -> io::Result<Compressor>;

    /// What comes after the last block, given the CRC-32 of the stream, and the
    /// size of each block, compressed and not.
    fn trailer(&self, crc: u32, blocks: &[(u64, u64)]) -> Vec<u8>;
}

/// Compresses a block, told what follows it.
pub(super) type Compressor = Box<dyn FnMut(&[u8], Next) -> io::Result<Vec<u8>>>;

/// No compression.
struct Plain;

impl Codec for Plain {
    fn block_size(&self) -> u64 {
        1 << 20
    }

    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn compressor(&self) -> io::Result<Compressor> {
        Ok(Box::new(|raw, _| Ok(raw.to_vec())))
    }

    fn trailer(&self, _: u32, _: &[(u64, u64)]) -> Vec<u8> {
        Vec::new()
    }
}

/// The codec of a format; nothing for a zip, which is no tar.
pub(super) fn codec(layout: &Layout) -> Option<Box<dyn Codec>> {
    let level = layout.level;
    match layout.format {
        Format::Tar => Some(Box::new(Plain)),
        Format::TarGz => Some(Box::new(Gzip { level })),
        Format::TarZst => Some(Box::new(Zstd { level })),
        Format::Zip => None,
        Format::Directory => unreachable!("a directory is not written to a sink"),
    }
}
