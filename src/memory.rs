//! How memory goes back to the system.

/// What is at least this long has pages of its own and gives them back when it
/// is freed, in bytes: whole libraries, lists of all entries; not the buffers
/// of the pipeline, which are used again and again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 4 << 20;

/// How much may lie free at the end of the heap, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const SPARE: i32 = 8 << 20;

/// Lets large buffers go back to the system when they are freed. glibc takes
/// the largest buffer that was freed for the usual case and keeps the room of
/// up to 32 MiB, in a heap for each thread (mallopt(3), `M_MMAP_THRESHOLD`):
/// of 184 MB that packing 6 GB had resident, 66 were in use.
///
/// To be called before there are threads.
pub fn return_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only changes the allocator's parameters, and no other
    // thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    }
}

/// Gives back what lies free between what is still used, in the heaps of all
/// threads: a millisecond or two, worth it where a stage ends that held much.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim touches nothing that is in use, and is safe from any
    // thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
