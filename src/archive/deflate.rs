//! Deflate, in blocks that know nothing of each other.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

/// What follows a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another block: this one ends on a byte boundary.
    Block,
    /// Nothing: the stream ends.
    End,
}

/// Compresses blocks of a raw deflate stream (RFC 1951).
pub(super) struct Deflater(Compress);

impl Deflater {
    pub(super) fn new(level: u32) -> Self {
        Deflater(Compress::new(Compression::new(level), false))
    }

    /// Appends the compressed block to `out`.
    pub(super) fn block(&mut self, raw: &[u8], next: Next, out: &mut Vec<u8>) -> io::Result<()> {
        let flush = match next {
            Next::Block => FlushCompress::Sync,
            Next::End => FlushCompress::Finish,
        };
        // Forgetting what came before costs little, and makes the block's
        // bytes its own.
        self.0.reset();
        out.reserve(raw.len() / 2 + 1024);
        loop {
            let read = usize::try_from(self.0.total_in()).map_err(io::Error::other)?;
            self.0.compress_vec(&raw[read..], out, flush).map_err(io::Error::other)?;
            // Room that is left means that there was nothing more to write.
            if out.len() < out.capacity() {
                return Ok(());
            }
            out.reserve(64 * 1024);
        }
    }
}
