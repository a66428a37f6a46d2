//! Archive → directory, from any maker and without trusting any.
//!
//! Everything goes into a staged directory that takes its name at the end.
//! Names are checked against a [`Tree`] of what the archive has brought so
//! far; links are made last, after every file, so that nothing can be written
//! through one; and each link's target is resolved in that tree first.

mod finish;
mod stage;
mod tar;
mod tree;
mod zip;

use std::path::Path;

use super::ground::Ground;
use super::source::{Archive, Input};
use crate::artifact::{Format, Manifest};
use crate::entry::{Edit, Placeholder};
use crate::error::Result;
use crate::fs::{self, StagedDir};
use crate::progress::{Progress, Step};
use finish::Finished;
use stage::Stage;

/// How an archive is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackOptions {
    pub absolute_links: AbsoluteLinks,
    /// 0 means one for each core, up to 16.
    pub threads: usize,
}

/// What becomes of links to absolute paths, such as the `bin/python3` of an
/// archive that counts on an interpreter on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsoluteLinks {
    Refuse,
    /// They are made, and never followed.
    Allow,
}

/// Writes a destination into the placeholders of a file: given its bytes, or a
/// stretch of a binary, the placeholders in them and the absolute path of the
/// environment, gives what changes and the placeholders into which the path
/// doesn't fit.
pub type Place<'a> = dyn Fn(&[u8], &[Placeholder], &str) -> (Vec<Edit>, Vec<Placeholder>) + 'a;

/// What has been unpacked.
#[derive(Clone, Debug)]
pub struct Unpacked {
    pub format: Format,
    /// Nothing if envship didn't pack it.
    pub manifest: Option<Manifest>,
    /// How many files, links included.
    pub files: u64,
    /// Of all files, in bytes.
    pub size: u64,
    /// How many placeholders now hold the destination.
    pub placed: u64,
    /// Placeholders that are too short for the destination and stay.
    pub unfit: Vec<Placeholder>,
}

/// Unpacks an archive into `dir`, which must be missing or empty, and finishes
/// the placeholders that its manifest lists for this destination. The format
/// is told by the archive's content. Of modes only the executable bit counts.
///
/// # Errors
/// If `dir` holds something or can't be written; if the archive is none, is
/// damaged, or holds what could touch anything outside `dir`. Nothing is left
/// behind then.
pub fn unpack(
    input: &Input<'_>,
    dir: &Path,
    options: &UnpackOptions,
    place: &Place<'_>,
    progress: &dyn Progress,
) -> Result<Unpacked> {
    let archive = Archive::read(input.clone())?;
    let destination = fs::absolute(dir)?;
    let staged = StagedDir::create(&destination)?;
    let mut stage = Stage::new(Ground { staged: staged.path(), destination: &destination });
    progress.begin(Step::Unpack, Some(archive.size));
    match archive.format {
        Format::Zip => zip::extract(&archive, &mut stage, options.threads, progress)?,
        _ => tar::extract(&archive, &mut stage, options.threads, progress)?,
    }
    stage.make_links(options.absolute_links)?;
    let finished = finish::placeholders(&archive.path, &stage, &destination, place)?;
    let (files, size) = (stage.files(), stage.size());
    staged.commit()?;
    progress.end();
    let Finished { manifest, placed, unfit } = finished;
    Ok(Unpacked { format: archive.format, manifest, files, size, placed, unfit })
}
