//! Files that relocation makes anew, kept from the reading pass to the writing
//! one as far as a fixed amount of memory goes.
//!
//! Making canonical bytecode costs more than all else that is done to a file,
//! and compressed lightly it is a quarter of its size: of most environments
//! all of it fits, of a huge one the rest is made again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::entry::Remake;

/// How much is kept at most, in compressed bytes.
const ROOM: usize = 40 << 20;

/// As fast as it gets: it is read once and never stored.
const LEVEL: i32 = 1;

/// Counts what is kept.
#[derive(Default)]
pub(super) struct Kept {
    used: AtomicUsize,
}

/// The bytes of a file, compressed.
struct Packed {
    bytes: Vec<u8>,
    size: usize,
}

impl Kept {
    /// Keeps a file that comes in stretches and is `size` bytes long; `None` if
    /// there is no room left.
    pub(super) fn keep<'a>(
        &self,
        stretches: impl Iterator<Item = &'a [u8]>,
        size: u64,
    ) -> io::Result<Option<Arc<dyn Remake>>> {
        if self.used.load(Ordering::Relaxed) >= ROOM {
            return Ok(None);
        }
        let mut encoder = ::zstd::Encoder::new(Vec::new(), LEVEL)?;
        stretches.into_iter().try_for_each(|stretch| io::Write::write_all(&mut encoder, stretch))?;
        let mut bytes = encoder.finish()?;
        bytes.shrink_to_fit();
        self.used.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(Some(Arc::new(Packed { bytes, size: usize::try_from(size).map_err(io::Error::other)? })))
    }
}

impl Remake for Packed {
    fn remake(&self, _original: &[u8]) -> Vec<u8> {
        ::zstd::bulk::decompress(&self.bytes, self.size).expect("what was kept is whole")
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes, kept", self.size)
    }
}
