//! Arranged entries → archive bytes.

use std::io::Write;

use super::gzip::Gzip;
use super::layout::Layout;
use super::tar::{self, Plain};
use super::zip;
use super::zstd::Zstd;
use crate::artifact::Format;
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
/// The bytes are the same for any number of threads; 0 means all cores.
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
    threads: usize,
    sink: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<Written> {
    layout.check()?;
    progress.begin(Step::Pack, Some(entries.iter().map(|item| item.size).sum()));
    let mut sink = Hashing::new(sink);
    let level = layout.level;
    match layout.format {
        Format::Tar => tar::write(entries, layout.time, &Plain, threads, &mut sink, progress),
        Format::TarGz => tar::write(entries, layout.time, &Gzip { level }, threads, &mut sink, progress),
        Format::TarZst => tar::write(entries, layout.time, &Zstd { level }, threads, &mut sink, progress),
        Format::Zip => zip::write(entries, layout, threads, &mut sink, progress),
        Format::Directory => unreachable!("a directory is not written to a sink"),
    }?;
    sink.flush()?;
    progress.end();
    let (_, sha256, size) = sink.finish();
    Ok(Written { size, sha256 })
}
