//! zip: its directory tells all names beforehand, and every thread reads for
//! itself.

use std::io::Read;

use super::stage::{Agreed, Facts, Stage};
use crate::archive::error::Error;
use crate::archive::pipeline::{Crew, Job, in_order};
use crate::archive::source::{Archive, Zip};
use crate::error::Result;
use crate::progress::Progress;

/// The kind of a file in a Unix mode, and its values.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// No system has longer paths.
const LONGEST_TARGET: u64 = 64 * 1024;

pub(super) fn extract(
    archive: &Archive<'_>,
    stage: &mut Stage,
    threads: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let files = accept(archive, stage)?;
    let write = |zip: &mut Zip, (index, file): (usize, Agreed)| {
        let mut entry = archive.zip_entry(zip, index)?;
        let packed = entry.compressed_size();
        file.copy(&mut entry, &|error| archive.damaged(error))?;
        Ok(packed)
    };
    in_order(
        files.into_iter().map(|file| Ok(Job::light(file))),
        &Crew { threads, largest: 0 },
        || archive.zip(),
        write,
        |size| {
            progress.advance(size);
            Ok(())
        },
    )
}

/// Puts everything but the content of files on the stage.
fn accept<'s>(archive: &Archive<'_>, stage: &mut Stage<'s>) -> Result<Vec<(usize, Agreed<'s>)>> {
    let mut zip = archive.zip()?;
    let mut files = Vec::new();
    for index in 0..zip.len() {
        // The archive's directory tells it all, so that no more of it is read.
        let entry = zip.by_index_data(index).map_err(|error| archive.damaged_zip(error))?;
        let name = entry.name().map_err(|error| archive.damaged_zip(error))?.into_owned();
        let (mode, size) = (entry.unix_mode().unwrap_or(0), entry.size());
        match mode & KIND {
            LINK => {
                let mut target = Vec::new();
                archive
                    .zip_entry(&mut zip, index)?
                    .take(LONGEST_TARGET)
                    .read_to_end(&mut target)
                    .map_err(|error| archive.damaged(error))?;
                stage.link(name.as_bytes(), &target)?;
            }
            _ if name.ends_with('/') => stage.directory(name.as_bytes())?,
            DIRECTORY => stage.directory(name.as_bytes())?,
            REGULAR | 0 => {
                let facts = Facts { size, mode, modified: None };
                files.push((index, stage.file(name.as_bytes(), &facts)?));
            }
            _ => return Err(Error::Special { name: name.as_str().into(), what: "a device or pipe" }.into()),
        }
    }
    Ok(files)
}
