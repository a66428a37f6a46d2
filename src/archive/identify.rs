//! A whole archive, read to its end: is it sound, and which one is it?

use std::io;
use std::path::Path;

use super::digest::{Contents, LAYOUT_VERSION};
use super::manifest::{read_manifest, root_of, text_of};
use super::mode::Mode;
use super::source::Input;
use super::visit::{Seen, visit};
use crate::artifact::{ContentDigest, Manifest};
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
    /// Entries behind all that was packed, which is where tools append.
    pub added: Vec<String>,
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
    let mut reading = Reading::default();
    let visited = visit(input.clone(), progress, &mut |path, seen| reading.entry(input.name(), path, seen))?;
    let Reading { manifest, is_whole, mut modes, added, .. } = reading;
    let manifest = manifest.and_then(|(text, manifest)| Some((text, manifest?)));
    // What an earlier layout's modes were is known, not what those of a later one will be.
    if manifest.as_ref().is_none_or(|(_, manifest)| manifest.archive.layout > LAYOUT_VERSION) {
        modes.clear();
    }
    let seal = match manifest {
        Some(_) if is_whole && modes.is_empty() && added.is_empty() => Seal::Intact,
        Some(_) => Seal::Broken,
        None => Seal::None,
    };
    let digest = match manifest {
        Some((text, manifest)) if seal == Seal::Intact && manifest.archive.format == visited.format => {
            fs::sha256(&text)
        }
        _ => input.sha256()?,
    };
    Ok(Identity { digest: ContentDigest(digest), seal, modes, added })
}

/// What is known of an archive as far as it was read.
#[derive(Default)]
struct Reading {
    contents: Contents,
    /// Its bytes, and what they say if that can be understood.
    manifest: Option<(Vec<u8>, Option<Manifest>)>,
    /// The entries so far were all that was packed, but for what was added.
    is_whole: bool,
    modes: Vec<OtherMode>,
    added: Vec<String>,
}

impl Reading {
    /// Reads an entry of the archive that is named `archive`.
    fn entry(&mut self, archive: &Path, path: &str, seen: Seen<'_>) -> io::Result<()> {
        match seen {
            Seen::Directory { mode } => {
                self.contents.directory(path);
                self.judge(path, mode);
            }
            Seen::Link { mode, target } => {
                self.contents.link(path, &target);
                self.judge(path, mode);
            }
            Seen::File { mode, content } if self.manifest.is_none() && root_of(path).is_some() => {
                let text = text_of(content)?;
                let manifest = read_manifest(archive, &text).ok();
                self.manifest = Some((text, manifest));
                // The digest knows whether other files may be run.
                self.judge(path, mode.of_plain_file());
            }
            Seen::File { mode, content } => {
                let mut sink = Hashing::new(io::sink());
                io::copy(content, &mut sink)?;
                let (_, sha256, size) = sink.finish();
                self.contents.file(path, mode.is_executable(), size, sha256);
                self.judge(path, mode);
            }
        }
        if self.is_whole {
            self.added.push(path.to_owned());
        }
        self.is_whole = self.is_whole || self.is_what_was_packed();
        Ok(())
    }

    fn judge(&mut self, path: &str, mode: Mode) {
        if !mode.is_ours() {
            self.modes.push(OtherMode { path: path.to_owned(), mode });
        }
    }

    fn is_what_was_packed(&self) -> bool {
        let Some((_, Some(manifest))) = &self.manifest else { return false };
        manifest.archive.contents == self.contents.clone().finish()
    }
}
