//! archive → directory

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::place::Place;
use crate::archive::{self, AbsoluteLinks, UnpackOptions};
use crate::artifact::Format;
use crate::error::Result;
use crate::progress::Progress;
use crate::relocate;

/// A directory that was unpacked.
#[derive(Debug, Serialize)]
pub struct Unpacked {
    pub directory: PathBuf,
    pub format: Format,
    /// Links included.
    pub files: u64,
    /// Of all files, in bytes.
    pub size: u64,
    /// Places where the directory's path was written.
    pub placed: u64,
}

/// Unpacks `archive`, a path or a URL, into `directory`, and writes its path wherever the
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
    let options = UnpackOptions { absolute_links, threads: 0 };
    let place = |bytes: &[u8], placeholders: &[_], destination: &str| {
        let placed = relocate::place(bytes, placeholders, destination);
        (placed.edits, placed.unfit)
    };
    let unpacked = Place::of(archive, progress)?
        .read(|input| archive::unpack(input, directory, &options, &place, progress))?;
    // Python looks for itself from where it is, not from where it was built.
    let unfit: Vec<_> = unpacked.unfit.iter().filter(|it| !it.path.starts_with("lib/libpython")).collect();
    if let Some(first) = unfit.first() {
        progress.warn(&too_short(unfit.len(), &first.path));
    }
    Ok(Unpacked {
        directory: directory.to_owned(),
        format: unpacked.format,
        files: unpacked.files,
        size: unpacked.size,
        placed: unpacked.placed,
    })
}

/// What is said of places that keep their placeholder, the first of them in the
/// file at `path`.
fn too_short(places: usize, path: &str) -> String {
    let place = match places {
        1 => format!("1 place, in `{path}`, is too short for this path and keeps its placeholder"),
        _ => format!(
            "{places} places are too short for this path and keep their placeholders, the first in `{path}`"
        ),
    };
    format!("{place}; what needs that works only at a shorter path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_told_as_one_and_many_as_many() {
        assert_eq!(
            too_short(1, "lib/a.so"),
            "1 place, in `lib/a.so`, is too short for this path and keeps its placeholder; what needs that \
             works only at a shorter path"
        );
        assert_eq!(
            too_short(2, "lib/a.so"),
            "2 places are too short for this path and keep their placeholders, the first in `lib/a.so`; what \
             needs that works only at a shorter path"
        );
    }
}
