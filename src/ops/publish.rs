//! archive → URL

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::environment::env_name;
use crate::archive::{self, Input};
use crate::artifact::{ContentDigest, Format};
use crate::error::{Explain, Kind, Result};
use crate::fs::OnExisting;
use crate::progress::{Progress, Step};
use crate::publish::{Job, Location, Outcome, Receipt, publish_file};

/// An archive that is where a cluster can read it.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// As the user wrote it, with the archive's name.
    pub url: String,
    /// As an engine needs it.
    pub uri: String,
    pub format: Format,
    /// In bytes.
    pub size: u64,
    /// Of the archive's bytes, hexadecimal.
    pub sha256: String,
    /// By which archives are told apart; hexadecimal.
    pub digest: String,
    /// Whether it was there before.
    pub skipped: bool,
}

/// An unpacked environment.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is a directory, not an archive", path.display())]
struct NoFile {
    path: PathBuf,
}

impl Explain for NoFile {
    fn hint(&self) -> Option<String> {
        Some("pack it first, or let `envship ship` do both".to_owned())
    }
}

impl Published {
    pub(super) fn new(receipt: &Receipt, format: Format, digest: ContentDigest) -> Self {
        Published {
            url: receipt.location.to_string(),
            uri: receipt.location.uri(),
            format,
            size: receipt.size,
            sha256: hex::encode(receipt.sha256),
            digest: digest.to_string(),
            skipped: receipt.outcome == Outcome::Skipped,
        }
    }
}

/// A name that would make an engine misread the archive.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` doesn't end like its format, {format}, by which engines choose how to unpack it")]
pub(super) struct Misnamed {
    name: String,
    format: Format,
    /// Of an archive's content, or of what was asked for.
    kind: Kind,
}

impl Misnamed {
    /// Where the format was asked for, and is not an archive's.
    pub(super) fn by_options(self) -> Self {
        Misnamed { kind: Kind::Usage, ..self }
    }
}

impl Explain for Misnamed {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<String> {
        Some(format!("end the name in .{}, or give a URL that ends in `/`", self.format))
    }
}

/// The name of an archive at a location: its own, or in a directory one that
/// changes with the content.
///
/// # Errors
/// If its own name is that of another format.
pub(super) fn archive_name(
    location: &Location,
    name: &str,
    digest: ContentDigest,
    format: Format,
) -> Result<String, Misnamed> {
    match location.file_name() {
        Some(name) if Format::of_name(&name) != Some(format) => {
            Err(Misnamed { name: name.into_owned(), format, kind: Kind::Input })
        }
        Some(name) => Ok(name.into_owned()),
        None => Ok(format!("{name}-{}.{format}", digest.short())),
    }
}

/// Uploads an archive, unless the same one is there already. In a directory
/// it gets the name under which [`ship`](super::ship) would have published it.
///
/// # Errors
/// If it is no archive, or the store refuses it.
pub fn publish(
    archive: &Path,
    url: &str,
    name: Option<&str>,
    on_existing: OnExisting,
    progress: &dyn Progress,
) -> Result<Published> {
    let location = Location::parse(url)?;
    let format = archive::inspect(archive)?.format;
    if format == Format::Directory {
        return Err(NoFile { path: archive.to_owned() }.into());
    }
    let name = env_name(name.unwrap_or(&stem(archive)));
    archive_name(&location, &name, ContentDigest([0; 32]), format)?;
    let store = location.open()?;
    store.check_writable()?;
    progress.begin(Step::Check, Some(fs_err::metadata(archive)?.len()));
    let digest = archive::identify(&Input::file(archive)?, progress)?.digest;
    progress.end();
    let name = archive_name(&location, &name, digest, format)?;
    let job = Job { archive, name: &name, digest, on_existing };
    let receipt = publish_file(&job, &store, &location, progress)?;
    Ok(Published::new(&receipt, format, digest))
}

/// The file's name without the extension of its format.
fn stem(archive: &Path) -> String {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let extensions = [".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar", ".zip"];
    let lower = name.to_ascii_lowercase();
    let extension = extensions.iter().find(|extension| lower.ends_with(**extension));
    name[..name.len() - extension.map_or(0, |extension| extension.len())].to_owned()
}
