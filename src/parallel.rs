//! How work is shared out to the threads of rayon's pool.

/// How many files, folders or lists of files a thread is given at a time. By itself rayon gives
/// a thread a large part of all, and nobody takes over what it doesn't get to:
/// the others wait for it in the end.
pub(crate) const AT_ONCE: usize = 4;
