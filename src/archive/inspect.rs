//! A quick look at an archive: enough to configure an engine with it.

use std::path::Path;

use super::manifest::{read_manifest, root_of, text_of};
use super::source::{Archive, Input};
use crate::artifact::{Format, MANIFEST, Manifest};
use crate::error::Result;
use crate::progress::Silent;

/// What a quick look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    pub format: Format,
    /// Nothing if envship didn't pack it.
    pub manifest: Option<Manifest>,
    /// The directory in the archive in which the environment lies, as
    /// `--arcroot` made it; empty where the environment is the archive's root.
    pub root: String,
    /// Whether there are symbolic links in a zip, most of whose readers can't
    /// make them; false for other formats, whose readers can.
    pub zip_links: bool,
}

/// Looks at an archive or an unpacked environment, without reading more of it
/// than its directory or its beginning.
///
/// # Errors
/// If there is no such file, it is no archive, or its manifest can't be read.
pub fn inspect(path: &Path) -> Result<Glance> {
    if path.is_dir() {
        let manifest = path.join(MANIFEST);
        let bytes =
            if manifest.is_file() { Some(text_of(&mut fs_err::File::open(manifest)?)?) } else { None };
        return glance(path, Format::Directory, bytes.map(|bytes| (MANIFEST.to_owned(), bytes)), false);
    }
    inspect_archive(&Input::file(path)?)
}

/// The same for an archive that may lie elsewhere.
///
/// # Errors
/// If it is no archive, or its manifest can't be read.
pub fn inspect_archive(input: &Input<'_>) -> Result<Glance> {
    let archive = Archive::read(input.clone())?;
    match archive.format {
        Format::Zip => inspect_zip(&archive),
        _ => inspect_tar(&archive),
    }
}

/// The manifest comes right after the directories.
fn inspect_tar(archive: &Archive<'_>) -> Result<Glance> {
    let damaged = |error| archive.damaged(error);
    let mut tar = ::tar::Archive::new(archive.tar_stream(&Silent)?);
    let mut found = None;
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_file() && root_of(&name).is_some() {
            found = Some((name, text_of(&mut entry).map_err(damaged)?));
        }
        break;
    }
    glance(&archive.path, archive.format, found, false)
}

fn inspect_zip(archive: &Archive<'_>) -> Result<Glance> {
    let mut zip = archive.zip()?;
    let (mut manifest, mut links) = (None, false);
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(|error| archive.damaged_zip(error))?;
        let name = entry.name().map_err(|error| archive.damaged_zip(error))?;
        links |= entry.is_symlink();
        if manifest.is_none() && root_of(&name).is_some() {
            manifest = Some((index, name.into_owned()));
        }
    }
    let found = match manifest {
        None => None,
        Some((index, name)) => {
            let mut entry = archive.zip_entry(&mut zip, index)?;
            Some((name, text_of(&mut entry).map_err(|error| archive.damaged(error))?))
        }
    };
    glance(&archive.path, Format::Zip, found, links)
}

fn glance(path: &Path, format: Format, found: Option<(String, Vec<u8>)>, zip_links: bool) -> Result<Glance> {
    let Some((name, bytes)) = found else {
        return Ok(Glance { format, manifest: None, root: String::new(), zip_links });
    };
    let manifest = Some(read_manifest(path, &bytes)?);
    Ok(Glance { format, manifest, root: root_of(&name).unwrap_or_default().to_owned(), zip_links })
}
