//! tar, through whatever codec.
//!
//! Decompressing is one thread's work; small files are handed to the others,
//! since making a file costs more than filling it.

use std::io::{self, Read};

use tar::EntryType;

use super::stage::{Agreed, Facts, Stage};
use crate::archive::error::Error;
use crate::archive::pipeline::in_order;
use crate::archive::source::{Archive, TarStream};
use crate::error::Result;
use crate::progress::Progress;

/// Up to this size a file waits in memory for the thread that writes it.
const SMALL: u64 = 1 << 20;

type Entry<'a, 'b> = ::tar::Entry<'a, TarStream<'b>>;

/// A file that is read and not yet written.
type Job<'a> = (Agreed<'a>, Vec<u8>);

pub(super) fn extract(
    archive: &Archive<'_>,
    stage: &mut Stage,
    threads: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let mut tar = ::tar::Archive::new(archive.tar_stream(progress)?);
    let damaged = |error| archive.damaged(error);
    let jobs = tar
        .entries()
        .map_err(damaged)?
        .map(|entry| accept(archive, stage, entry.map_err(damaged)?))
        .filter_map(Result::transpose);
    let write = |(): &mut (), (file, bytes): Job| file.write(&mut bytes.as_slice(), &damaged);
    in_order(jobs, threads, || Ok(()), write, |_| Ok(()))?;
    tar.into_inner().finish().map_err(damaged)
}

/// Puts an entry on the stage. A small file is given back, to be written.
fn accept<'s>(archive: &Archive<'_>, stage: &mut Stage<'s>, mut entry: Entry) -> Result<Option<Job<'s>>> {
    let name = entry.path_bytes().into_owned();
    let kind = entry.header().entry_type();
    let special = |what| Err(Error::Special { name: name.as_slice().into(), what }.into());
    match kind {
        // Before POSIX a directory was a file whose name ends with a slash.
        EntryType::Regular if name.ends_with(b"/") => stage.directory(&name)?,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            return file(archive, stage, &name, &mut entry);
        }
        EntryType::Directory => stage.directory(&name)?,
        EntryType::Symlink => stage.link(&name, &target(&entry))?,
        EntryType::Link => stage.hard_link(&name, &target(&entry))?,
        EntryType::XGlobalHeader => {}
        EntryType::Char | EntryType::Block => return special("a device"),
        EntryType::Fifo => return special("a named pipe"),
        _ => return special("an entry of unknown kind"),
    }
    Ok(None)
}

fn file<'s>(
    archive: &Archive<'_>,
    stage: &mut Stage<'s>,
    name: &[u8],
    entry: &mut Entry,
) -> Result<Option<Job<'s>>> {
    let damaged = |error| archive.damaged(error);
    let size = entry.size();
    let header = entry.header();
    let facts = Facts { size, mode: header.mode().map_err(damaged)?, modified: header.mtime().ok() };
    let agreed = stage.file(name, &facts)?;
    let mut bytes = Vec::new();
    let (read, job) = if size <= SMALL {
        entry.read_to_end(&mut bytes).map_err(damaged)?;
        (bytes.len() as u64, Some((agreed, bytes)))
    } else {
        (agreed.write(entry, &damaged)?, None)
    };
    if read < size {
        return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(job)
}

fn target(entry: &Entry) -> Vec<u8> {
    entry.link_name_bytes().unwrap_or_default().into_owned()
}
