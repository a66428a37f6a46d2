//! libdeflate's compressor, as `stream.c` beside this file compiles it: it
//! tells where in a stream the last block is.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use libdeflate_sys::{libdeflate_compressor, libdeflate_deflate_compress_bound};

use super::{MARK, STORED};

unsafe extern "C" {
    fn envship_compressor(level: c_int) -> *mut libdeflate_compressor;
    fn envship_free_compressor(compressor: *mut libdeflate_compressor);
    fn envship_deflate(
        compressor: *mut libdeflate_compressor,
        raw: *const c_void,
        raw_size: usize,
        out: *mut c_void,
        out_size: usize,
        last_block: *mut usize,
    ) -> usize;
}

/// Places in a stream, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// Of the header of the last block.
    pub last_block: usize,
    /// Behind the last block.
    pub end: usize,
}

pub(super) struct Compressor(NonNull<libdeflate_compressor>);

impl Compressor {
    /// # Panics
    /// If libdeflate has no such level, or there is no memory.
    pub fn new(level: u32) -> Self {
        let level = c_int::try_from(level).expect("levels are checked");
        // SAFETY: a level that there isn't is answered with null.
        let compressor = NonNull::new(unsafe { envship_compressor(level) });
        Compressor(compressor.expect("libdeflate has all levels that are checked for"))
    }

    /// Compresses `raw` to a stream at the begin of `room`, which is made large
    /// enough.
    pub fn compress(&mut self, raw: &[u8], room: &mut Vec<u8>) -> Ends {
        // SAFETY: a null compressor stands for any.
        let bound = unsafe { libdeflate_deflate_compress_bound(std::ptr::null_mut(), raw.len()) };
        if room.len() < bound {
            room.resize(bound, 0);
        }
        let mut first = 0;
        // SAFETY: the compressor is ours alone, the pointers are those of slices of the lengths that
        // are told, and libdeflate writes no further than it is told.
        let end = unsafe {
            let (raw_at, room_at) = (raw.as_ptr().cast(), room.as_mut_ptr().cast());
            envship_deflate(self.0.as_ptr(), raw_at, raw.len(), room_at, room.len(), &raw mut first)
        };
        assert!(end > 0, "libdeflate needs no more room than it says");
        Ends { last_block: last_of_stored(room, first), end }
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: it was allocated by libdeflate, and nobody else has it.
        unsafe { envship_free_compressor(self.0.as_ptr()) }
    }
}

/// The last of the blocks from `at`, a place in bits: that one, unless several
/// stored ones follow each other, of which each tells how long it is (RFC 1951,
/// 3.2.4).
fn last_of_stored(stream: &[u8], mut at: usize) -> usize {
    while stream[at / 8] >> (at % 8) & 1 == 0 {
        let length = (at + STORED).div_ceil(8);
        let bytes = u16::from_le_bytes([stream[length], stream[length + 1]]);
        at = (length + MARK.len() + usize::from(bytes)) * 8;
    }
    at
}
