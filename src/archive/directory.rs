//! Arranged entries → a plain directory.

use std::io::Write;
use std::path::Path;

use super::content::{Reader, same};
use super::ground::Ground;
use super::pipeline::{Crew, Job, in_order};
use crate::entry::{File, Measured, Node};
use crate::error::Result;
use crate::fs::StagedDir;
use crate::interrupt;
use crate::progress::{Progress, Step};

/// How much of a large file is copied at once, in bytes.
const STRETCH: u64 = 1 << 20;

/// Makes a directory of [`arrange`](super::arrange)d entries at `target`,
/// which must be missing or empty. Modes follow the umask. Gives the number of
/// bytes in its files.
///
/// # Errors
/// If `target` holds something or can't be written, or if a file can't be read
/// or changed since it was measured; nothing is left behind then.
pub fn write_directory(
    entries: &[Measured],
    target: &Path,
    threads: usize,
    progress: &dyn Progress,
) -> Result<u64> {
    let size = entries.iter().map(|item| item.size).sum();
    let stage = StagedDir::create(target)?;
    let ground = Ground { staged: stage.path(), destination: target };
    progress.begin(Step::Pack, Some(size));
    let mut files = Vec::new();
    for item in entries {
        match &item.entry.node {
            Node::Directory => ground.make_directory(&item.entry.path)?,
            Node::File(file) => files.push((item, file)),
            Node::Link(_) => {}
        }
    }
    let copy = |(): &mut (), (item, file)| copy(item, file, ground, progress);
    let jobs = files.into_iter().map(|file| Ok(Job::light(file)));
    // A thread holds what it copies, and nothing waits.
    in_order(jobs, &Crew { threads, largest: 0 }, || Ok(()), copy, |()| Ok(()))?;
    for item in entries {
        if let Node::Link(to) = &item.entry.node {
            ground.make_link(&item.entry.path, to)?;
        }
    }
    stage.commit()?;
    progress.end();
    Ok(size)
}

fn copy(item: &Measured, file: &File, ground: Ground<'_>, progress: &dyn Progress) -> Result<()> {
    let path = &item.entry.path;
    let mut to = ground.make_file(path, file.executable)?;
    let reader = Reader::open(item, file)?;
    let mut bytes = Vec::new();
    if item.size <= STRETCH {
        reader.read_whole(&mut bytes)?;
        ground.written(path, to.write_all(&bytes))?;
        progress.advance(item.size);
        return Ok(());
    }
    let (mut at, mut crc) = (0, crc32fast::Hasher::new());
    while at < item.size {
        interrupt::check()?;
        let end = item.size.min(at + STRETCH);
        bytes.clear();
        reader.read(at..end, &mut bytes)?;
        crc.update(&bytes);
        ground.written(path, to.write_all(&bytes))?;
        progress.advance(end - at);
        at = end;
    }
    same(item, item.crc, crc.finalize())
}
