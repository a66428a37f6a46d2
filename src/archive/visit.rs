//! All entries of an archive, one after the other, whoever made it.

use std::io::{self, Read};
use std::sync::atomic::Ordering;

use super::mode::{Kind, Mode};
use super::source::{Archive, Input, ZipContent};
use crate::artifact::Format;
use crate::error::Result;
use crate::interrupt;
use crate::progress::Progress;

/// An entry as it stands in the archive.
pub enum Seen<'a> {
    Directory { mode: Mode },
    Link { mode: Mode, target: String },
    File { mode: Mode, content: &'a mut dyn Read },
}

/// What a visit tells of the archive itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    pub format: Format,
    /// In bytes.
    pub size: u64,
    /// How many bytes of the archive each entry takes, in their order. Where
    /// entries are compressed together it is what the codec had to read for it.
    pub packed: Vec<u64>,
}

/// Reads an archive to its end and shows every entry with its path. What
/// `each` leaves of a file is read past, so that damage is noticed.
///
/// # Errors
/// If it is no archive, or damaged; an error of `each` counts as damage.
pub fn visit(
    input: Input<'_>,
    progress: &dyn Progress,
    each: &mut dyn FnMut(&str, Seen<'_>) -> io::Result<()>,
) -> Result<Visited> {
    let archive = Archive::read(input)?;
    let packed = match archive.format {
        Format::Zip => visit_zip(&archive, each)?,
        _ => visit_tar(&archive, progress, each)?,
    };
    Ok(Visited { format: archive.format, size: archive.size, packed })
}

fn visit_tar(
    archive: &Archive<'_>,
    progress: &dyn Progress,
    each: &mut dyn FnMut(&str, Seen<'_>) -> io::Result<()>,
) -> Result<Vec<u64>> {
    let damaged = |error| archive.damaged(error);
    let stream = archive.tar_stream(progress)?;
    let consumed = stream.consumed();
    let mut tar = ::tar::Archive::new(stream);
    let (mut packed, mut before) = (Vec::new(), 0);
    for entry in tar.entries().map_err(damaged)? {
        interrupt::check()?;
        let mut entry = entry.map_err(damaged)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        let mode = entry.header().mode().ok();
        let seen = if kind.is_dir() {
            Seen::Directory { mode: Mode::of_tar(mode, Kind::Directory) }
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap_or_default();
            let target = String::from_utf8_lossy(&target).into_owned();
            Seen::Link { mode: Mode::of_tar(mode, Kind::Link), target }
        } else {
            Seen::File { mode: Mode::of_tar(mode, Kind::File), content: &mut entry }
        };
        each(path.trim_end_matches('/'), seen).map_err(damaged)?;
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
        let now = consumed.load(Ordering::Relaxed);
        packed.push(now - before);
        before = now;
    }
    tar.into_inner().finish().map_err(damaged)?;
    Ok(packed)
}

fn visit_zip(
    archive: &Archive<'_>,
    each: &mut dyn FnMut(&str, Seen<'_>) -> io::Result<()>,
) -> Result<Vec<u64>> {
    let damaged = |error| archive.damaged(error);
    let mut zip = archive.zip()?;
    let mut packed = Vec::new();
    for index in 0..zip.len() {
        interrupt::check()?;
        let mut entry = archive.zip_entry(&mut zip, index)?;
        let path = entry.name().map_err(|error| archive.damaged_zip(error))?.into_owned();
        packed.push(entry.compressed_size());
        let mode = mode_in_zip(&entry);
        let seen = if entry.is_dir() {
            Seen::Directory { mode: Mode::of_zip(mode, Kind::Directory) }
        } else if entry.is_symlink() {
            let mut target = String::new();
            entry.read_to_string(&mut target).map_err(damaged)?;
            Seen::Link { mode: Mode::of_zip(mode, Kind::Link), target }
        } else {
            Seen::File { mode: Mode::of_zip(mode, Kind::File), content: &mut entry }
        };
        each(path.trim_end_matches('/'), seen).map_err(damaged)?;
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
    }
    Ok(packed)
}

/// With setuid and its like, which the crate keeps to itself.
fn mode_in_zip(entry: &ZipContent<'_>) -> Option<u32> {
    let special = match entry.system() {
        ::zip::System::Unix => entry.external_attributes() >> 16 & 0o7000,
        _ => 0,
    };
    entry.unix_mode().map(|mode| mode | special)
}
