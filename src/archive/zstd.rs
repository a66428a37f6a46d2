//! Zstandard (RFC 8878): a frame per block.
//!
//! Frames may follow each other in a file and every reader goes on to the
//! next. One frame compressed by several threads would be a little smaller,
//! but its bytes would depend on whether there is one thread or more, and a
//! change in a package would change all that follows.

use std::io;

use super::deflate::Next;
use super::tar::{Codec, Compressor};

/// Twice the window of the default level.
const BLOCK: u64 = 4 << 20;

pub(super) struct Zstd {
    pub(super) level: u32,
}

impl Codec for Zstd {
    fn block_size(&self) -> u64 {
        BLOCK
    }

    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn compressor(&self) -> io::Result<Compressor> {
        let level = i32::try_from(self.level).map_err(io::Error::other)?;
        let mut compressor = ::zstd::bulk::Compressor::new(level)?;
        compressor.set_parameter(::zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        Ok(Box::new(move |raw: Vec<u8>, _: Next| compressor.compress(&raw)))
    }

    fn trailer(&self, _: u32, _: u64) -> Vec<u8> {
        Vec::new()
    }
}
