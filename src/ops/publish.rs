//! archive → URL

use std::path::Path;

use serde::Serialize;

use super::environment::env_name;
use crate::archive;
use crate::artifact::{ContentDigest, Format};
use crate::error::Result;
use crate::fs::{self, OnExisting};
use crate::progress::Progress;
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
    /// By which archives are told apart: of what was packed, or of the
    /// archive's bytes if it was packed before; hexadecimal.
    pub digest: String,
    /// Whether it was there before.
    pub skipped: bool,
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

/// The name of an archive at a location: its own, or in a directory one that
/// changes with the content.
pub(super) fn archive_name(location: &Location, name: &str, digest: ContentDigest, format: Format) -> String {
    match location.file_name() {
        Some(name) => name.into_owned(),
        None => format!("{name}-{}.{format}", digest.short()),
    }
}

/// Uploads an archive, unless the same one is there already. What was packed
/// can't be told from an archive's bytes, so these are what its name and the
/// comparison go by.
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
    let store = location.open()?;
    store.check_writable()?;
    let digest = ContentDigest(fs::sha256_of_file(archive)?);
    let name = env_name(name.unwrap_or(&stem(archive)));
    let name = archive_name(&location, &name, digest, format);
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
