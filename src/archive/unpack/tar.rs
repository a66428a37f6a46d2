//! tar, through whatever codec.
//!
//! One thread cuts the stream into files; small ones are handed to the others,
//! since making a file costs more than filling it, and many at once, since
//! handing over costs something too.

use std::io::{self, Read};

use tar::EntryType;

use super::stage::{Agreed, Facts, Stage};
use crate::archive::error::Error;
use crate::archive::pipeline::{Crew, Job, in_order};
use crate::archive::source::{Archive, TarStream};
use crate::error::Result;
use crate::progress::Progress;

/// Up to this size, in bytes, a file waits in memory for the thread that writes
/// it, and about so much is handed over at once.
const SMALL: u64 = 1 << 20;

/// No more files than this are handed over at once.
const MANY: usize = 64;

type Entry<'a, 'b> = ::tar::Entry<'a, TarStream<'b>>;

/// A small file that is read and not yet written.
type Small<'a> = (Agreed<'a>, Vec<u8>);

pub(super) fn extract(
    archive: &Archive<'_>,
    stage: &mut Stage,
    threads: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let mut tar = ::tar::Archive::new(archive.tar_stream(progress)?);
    let damaged = |error| archive.damaged(error);
    let mut files = tar
        .entries()
        .map_err(damaged)?
        .map(|entry| accept(archive, stage, entry.map_err(damaged)?))
        .filter_map(Result::transpose);
    let jobs = std::iter::from_fn(|| some(&mut files).transpose());
    let write = |(): &mut (), files: Vec<Small>| files.iter().try_for_each(|(file, bytes)| file.write(bytes));
    in_order(jobs, &Crew { threads, largest: SMALL }, || Ok(()), write, |()| Ok(()))?;
    tar.into_inner().finish().map_err(damaged)
}

/// The next few files, or nothing where there is none any more.
fn some<'s>(files: &mut impl Iterator<Item = Result<Small<'s>>>) -> Result<Option<Job<Vec<Small<'s>>>>> {
    let (mut what, mut holds) = (Vec::new(), 0);
    while holds < SMALL
        && what.len() < MANY
        && let Some(file) = files.next()
    {
        let file = file?;
        holds += file.1.len() as u64;
        what.push(file);
    }
    Ok(if what.is_empty() { None } else { Some(Job { what, holds }) })
}

/// Puts an entry on the stage. A small file is given back, to be written.
fn accept<'s>(archive: &Archive<'_>, stage: &mut Stage<'s>, mut entry: Entry) -> Result<Option<Small<'s>>> {
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
) -> Result<Option<Small<'s>>> {
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
        (agreed.copy(entry, &damaged)?, None)
    };
    if read < size {
        return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(job)
}

fn target(entry: &Entry) -> Vec<u8> {
    entry.link_name_bytes().unwrap_or_default().into_owned()
}
