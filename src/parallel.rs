//! How many threads there are, and how work is shared out to them.

use std::thread;

/// No more threads than this are started unless somebody asks for them: so many
/// read and compress faster than disks do, and each takes some megabytes.
const MOST: usize = 16;

/// The number of threads that `threads` stands for: 0 means one for each core,
/// but no more than [`MOST`].
pub(crate) fn count(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from).min(MOST) }
}

/// How many files, folders or lists of files a thread of rayon's pool is given
/// at a time. By itself rayon gives a thread a large part of all, and nobody
/// takes over what it doesn't get to: the others wait for it in the end.
pub(crate) const AT_ONCE: usize = 4;
