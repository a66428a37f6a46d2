//! Publishing an archive that lies on disk.

use std::io::{Read, Write};
use std::path::Path;

use super::error::Error;
use super::location::Location;
use super::store::{Receipt, Start, Store, Upload};
use crate::artifact::ContentDigest;
use crate::fs::OnExisting;
use crate::interrupt;
use crate::progress::{Progress, Step};

/// What to publish, and as what.
pub struct Job<'a> {
    /// The archive.
    pub archive: &'a Path,
    /// Its name where the location is a directory.
    pub name: &'a str,
    /// Of what is in it.
    pub digest: ContentDigest,
    /// What to do with another archive under that name.
    pub on_existing: OnExisting,
}

/// Publishes an archive from disk to `to`, a location in the directory of
/// `store` or that directory itself, or notes that it is there already.
///
/// # Errors
/// If the archive can't be read, or the store refuses.
pub fn publish_file(
    job: &Job<'_>,
    store: &Store,
    to: &Location,
    progress: &dyn Progress,
) -> Result<Receipt, Error> {
    let unreadable = |source| Error::Local { action: "read", path: job.archive.to_owned(), source };
    let file = fs_err::File::open(job.archive).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let name = to.file_name().unwrap_or(job.name.into());
    let mut upload = match store.upload(&name, job.digest, job.on_existing)? {
        Start::AlreadyThere(receipt) => {
            progress.note(&format!("`{}` is already there with the same content", receipt.location));
            return Ok(receipt);
        }
        Start::Upload(upload) => upload,
    };
    progress.begin(Step::Upload, Some(size));
    let receipt = match copy(file, &mut upload, progress) {
        Ok(()) => upload.finish(),
        Err(error) => Err(upload.abort().unwrap_or(error)),
    };
    progress.end();
    receipt
}

fn copy(mut file: fs_err::File, upload: &mut Upload, progress: &dyn Progress) -> Result<(), Error> {
    let path = file.path().to_owned();
    let failed = |action| {
        let path = path.clone();
        move |source| Error::Local { action, path, source }
    };
    let mut buffer = vec![0; 1 << 20];
    loop {
        interrupt::check()?;
        let length = file.read(&mut buffer).map_err(failed("read"))?;
        if length == 0 {
            return Ok(());
        }
        upload.write_all(&buffer[..length]).map_err(failed("publish"))?;
        progress.advance(length as u64);
    }
}
