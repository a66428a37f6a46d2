//! archive → directory

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::archive::{self, AbsoluteLinks, UnpackOptions};
use crate::error::Result;
use crate::progress::Progress;
use crate::relocate;

/// A directory that was unpacked.
#[derive(Debug, Serialize)]
pub struct Unpacked {
    pub directory: PathBuf,
    pub files: u64,
    /// Of all files, in bytes.
    pub bytes: u64,
}

/// Unpacks `archive` into `directory`, and writes its path wherever the
/// manifest says that one is needed.
///
/// # Errors
/// Those of the archive stage; `directory` is as it was then.
pub fn unpack(
    archive: &Path,
    directory: &Path,
    absolute_links: AbsoluteLinks,
    progress: &dyn Progress,
) -> Result<Unpacked> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = UnpackOptions { absolute_links, threads };
    let unpacked = archive::unpack(archive, directory, &options, &relocate::place, progress)?;
    if !unpacked.unfit.is_empty() {
        progress.warn(&format!(
            "{} places are too short for `{}` and keep a placeholder, the first in `{}`; unpack at a shorter path",
            unpacked.unfit.len(),
            directory.display(),
            unpacked.unfit[0].path,
        ));
    }
    Ok(Unpacked { directory: directory.to_owned(), files: unpacked.files, bytes: unpacked.bytes })
}
