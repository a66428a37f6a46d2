//! Arranged entries → archive bytes.

use std::io::{self, Write};

use super::codec::codec;
use super::layout::Layout;
use super::segments::Segments;
use super::spool::Spool;
use super::tar;
use super::zip;
use crate::cache::Cache;
use crate::entry::Measured;
use crate::error::Result;
use crate::fs::Hashing;
use crate::progress::{Progress, Step};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Of the archive, in bytes.
    pub size: u64,
    /// Of the archive.
    pub sha256: [u8; 32],
}

/// Writes [`arrange`](super::arrange)d entries to `sink`, from front to back.
/// The bytes are the same for any number of threads, where 0 means one
/// for each core, up to 16, and whatever the cache and the spool hold.
///
/// # Errors
/// If a file can't be read or changed since it was measured, or if `sink`
/// fails; all threads have stopped then.
///
/// # Panics
/// If the layout's format is a directory, which
/// [`write_directory`](super::write_directory) makes.
pub fn write(
    entries: &[Measured],
    layout: &Layout,
    cache: Option<&Cache>,
    spool: Option<&Spool>,
    threads: usize,
    sink: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<Written> {
    layout.check()?;
    progress.begin(Step::Pack, Some(entries.iter().map(|item| item.size).sum()));
    let mut sink = Hashing::new(Yielding { sink, spool });
    let segments = Segments::new(cache, spool, layout);
    match codec(layout) {
        Some(codec) => tar::write(entries, layout.time, &*codec, &segments, threads, &mut sink, progress),
        None => zip::write(entries, layout, &segments, threads, &mut sink, progress),
    }?;
    sink.flush()?;
    progress.end();
    let (_, sha256, size) = sink.finish();
    Ok(Written { size, sha256 })
}

/// A sink for which the spool gives way where the disk is full.
struct Yielding<'a> {
    sink: &'a mut (dyn Write + Send),
    spool: Option<&'a Spool>,
}

impl Write for Yielding<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self.sink.write(bytes) {
            Err(error)
                if matches!(error.kind(), StorageFull | QuotaExceeded)
                    && self.spool.is_some_and(Spool::close) =>
            {
                self.sink.write(bytes)
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
