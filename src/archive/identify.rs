//! A whole archive, read to its end: is it sound, and which one is it?

use std::io::{self, Read};
use std::path::Path;

use super::digest::{Contents, Seen};
use super::inspect::{read_manifest, root_of};
use super::source::Archive;
use crate::artifact::{ContentDigest, Format};
use crate::error::Result;
use crate::fs::{self, Hashing};
use crate::interrupt;
use crate::progress::Progress;

/// Which archive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub digest: ContentDigest,
    pub seal: Seal,
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
pub fn identify(path: &Path, progress: &dyn Progress) -> Result<Identity> {
    let archive = Archive::open(path)?;
    let mut reading = Reading::default();
    match archive.format {
        Format::Zip => read_zip(&archive, &mut reading)?,
        _ => read_tar(&archive, &mut reading, progress)?,
    }
    let manifest = reading.manifest.and_then(|text| Some((read_manifest(path, &text).ok()?, text)));
    let seal = match &manifest {
        Some((manifest, _)) if manifest.archive.contents == reading.contents.finish() => Seal::Intact,
        Some(_) => Seal::Broken,
        None => Seal::None,
    };
    let digest = match manifest {
        Some((manifest, text)) if seal == Seal::Intact && manifest.archive.format == archive.format => {
            fs::sha256(&text)
        }
        _ => fs::sha256_of_file(path)?,
    };
    Ok(Identity { digest: ContentDigest(digest), seal })
}

/// What was seen of an archive.
#[derive(Default)]
struct Reading {
    contents: Contents,
    manifest: Option<Vec<u8>>,
}

impl Reading {
    fn file(&mut self, path: &str, executable: bool, mut content: impl Read) -> io::Result<()> {
        if self.manifest.is_none() && root_of(path).is_some() {
            let mut text = Vec::new();
            content.read_to_end(&mut text)?;
            self.manifest = Some(text);
            return Ok(());
        }
        let mut sink = Hashing::new(io::sink());
        io::copy(&mut content, &mut sink)?;
        let (_, sha256, size) = sink.finish();
        self.contents.entry(path, &Seen::File { executable, size, sha256 });
        Ok(())
    }
}

fn read_tar(archive: &Archive, reading: &mut Reading, progress: &dyn Progress) -> Result<()> {
    let damaged = |error| archive.damaged(error);
    let mut tar = ::tar::Archive::new(archive.tar_stream(progress)?);
    for entry in tar.entries().map_err(damaged)? {
        interrupt::check()?;
        let entry = entry.map_err(damaged)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            reading.contents.entry(path.trim_end_matches('/'), &Seen::Directory);
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap_or_default();
            reading.contents.entry(&path, &Seen::Link(&String::from_utf8_lossy(&target)));
        } else {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
            reading.file(&path, executable, entry).map_err(damaged)?;
        }
    }
    tar.into_inner().finish().map_err(damaged)
}

fn read_zip(archive: &Archive, reading: &mut Reading) -> Result<()> {
    let mut zip = archive.zip()?;
    for index in 0..zip.len() {
        interrupt::check()?;
        let mut entry = zip.by_index(index).map_err(|error| archive.damaged_zip(error))?;
        let path = entry.name().map_err(|error| archive.damaged_zip(error))?.into_owned();
        if entry.is_dir() {
            io::copy(&mut entry, &mut io::sink()).map_err(|error| archive.damaged(error))?;
            reading.contents.entry(path.trim_end_matches('/'), &Seen::Directory);
        } else if entry.is_symlink() {
            let mut target = String::new();
            entry.read_to_string(&mut target).map_err(|error| archive.damaged(error))?;
            reading.contents.entry(&path, &Seen::Link(&target));
        } else {
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            reading.file(&path, executable, entry).map_err(|error| archive.damaged(error))?;
        }
    }
    Ok(())
}
