//! A whole archive, read to its end: is it sound, and which one is it?

use std::io;

use super::digest::{Contents, LAYOUT_VERSION};
use super::inspect::{read_manifest, root_of};
use super::mode::Mode;
use super::source::Input;
use super::visit::{Seen, visit};
use crate::artifact::ContentDigest;
use crate::error::Result;
use crate::fs::{self, Hashing};
use crate::progress::Progress;

/// Which archive it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub digest: ContentDigest,
    pub seal: Seal,
    /// Entries whose mode envship would not have written, in an archive that it
    /// packed in a layout known to this version.
    pub modes: Vec<OtherMode>,
}

/// An entry with a mode of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherMode {
    pub path: String,
    pub mode: Mode,
}

/// Whether an archive's entries are those of which its manifest tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    Intact,
    Broken,
    /// There is no manifest: envship didn't pack it.
    None,
}

/// Reads an archive to its end, so that one which was cut short or damaged is
/// noticed before it is handed on, and tells its content digest: the one under
/// which it was packed if it still holds what was packed, else the SHA-256 of
/// its bytes.
///
/// # Errors
/// If it is no archive, or damaged.
pub fn identify(input: &Input<'_>, progress: &dyn Progress) -> Result<Identity> {
    let (mut contents, mut manifest, mut modes) = (Contents::default(), None, Vec::new());
    let visited = visit(input.clone(), progress, &mut |path, seen| {
        if let Seen::Directory { mode } | Seen::Link { mode, .. } | Seen::File { mode, .. } = &seen
            && !mode.is_ours()
        {
            modes.push(OtherMode { path: path.to_owned(), mode: *mode });
        }
        match seen {
            Seen::Directory { .. } => contents.directory(path),
            Seen::Link { target, .. } => contents.link(path, &target),
            Seen::File { content, .. } if manifest.is_none() && root_of(path).is_some() => {
                let mut text = Vec::new();
                content.read_to_end(&mut text)?;
                manifest = Some(text);
            }
            Seen::File { mode, content } => {
                let mut sink = Hashing::new(io::sink());
                io::copy(content, &mut sink)?;
                let (_, sha256, size) = sink.finish();
                contents.file(path, mode.is_executable(), size, sha256);
            }
        }
        Ok(())
    })?;
    let manifest = manifest.and_then(|text| Some((read_manifest(input.name(), &text).ok()?, text)));
    // What an earlier layout's modes were is known, not what those of a later one will be.
    if manifest.as_ref().is_none_or(|(manifest, _)| manifest.archive.layout > LAYOUT_VERSION) {
        modes.clear();
    }
    let seal = match &manifest {
        Some((manifest, _)) if manifest.archive.contents == contents.finish() && modes.is_empty() => {
            Seal::Intact
        }
        Some(_) => Seal::Broken,
        None => Seal::None,
    };
    let digest = match manifest {
        Some((manifest, text)) if seal == Seal::Intact && manifest.archive.format == visited.format => {
            fs::sha256(&text)
        }
        _ => input.sha256()?,
    };
    Ok(Identity { digest: ContentDigest(digest), seal, modes })
}
