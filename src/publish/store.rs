//! A place that archives are published to, and an archive on its way there.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::backend::{Backend, Sink};
use super::companion::{Companion, Content};
use super::error::Error;
use super::location::{Location, Place};
use super::scheme;
use crate::artifact::ContentDigest;
use crate::fs::{Hashing, OnExisting};

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// An opened directory for archives.
pub struct Store {
    pub(super) directory: Location,
    pub(super) backend: Arc<dyn Backend>,
}

/// An archive that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where.
    pub location: Location,
    /// In bytes.
    pub size: u64,
    /// As recorded when it was published; unknown if envship didn't do it.
    pub content_digest: Option<ContentDigest>,
    /// Of its bytes, from the `.sha256` file.
    pub sha256: Option<[u8; 32]>,
}

/// What the wish to upload leads to.
pub enum Start {
    /// The archive has to be written.
    Upload(Upload),
    /// An archive with the same content digest is there already.
    AlreadyThere(Receipt),
}

/// An archive that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where it lies.
    pub location: Location,
    /// In bytes.
    pub size: u64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// How it came there.
    pub outcome: Outcome,
}

/// Whether anything was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The archive was written.
    Uploaded,
    /// The same archive was there before.
    Skipped,
}

impl Location {
    /// Connects to the directory, or to the directory that holds the archive.
    ///
    /// Sends no request, except to find credentials where neither the
    /// environment nor a profile gives any; that takes a few seconds at most.
    ///
    /// # Errors
    /// If credentials are missing or settings can't be used.
    pub fn open(&self) -> Result<Store, Error> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        self.open_with(&variables)
    }

    /// The same, with these environment variables for those of the process.
    ///
    /// # Errors
    /// As [`Location::open`].
    pub fn open_with(&self, variables: &Variables) -> Result<Store, Error> {
        let directory = self.directory();
        let name = match &directory.place {
            Place::Local { .. } => scheme::FILE,
            Place::Bucket { scheme, .. } => scheme,
        };
        let scheme = scheme::find(name)
            .ok_or_else(|| Error::UnknownScheme { scheme: name.to_owned(), known: scheme::known() })?;
        Ok(Store { backend: (scheme.open)(&directory, variables)?, directory })
    }
}

impl Store {
    /// The directory that it was opened on.
    #[must_use]
    pub fn directory(&self) -> &Location {
        &self.directory
    }

    /// Finds out, before work is put into an archive, whether it can be
    /// published: directory or bucket there, server up, credentials good,
    /// writing allowed. Leaves nothing behind.
    ///
    /// # Errors
    /// If it can't.
    pub fn check_writable(&self) -> Result<(), Error> {
        self.backend.check_writable()
    }

    /// Looks an archive up by its name in the directory.
    ///
    /// # Errors
    /// If the store can't be asked.
    pub fn head(&self, name: &str) -> Result<Option<Published>, Error> {
        check_name(name)?;
        let Some(found) = self.backend.find(name)? else { return Ok(None) };
        let companion =
            self.backend.read(&Companion::name_of(name))?.and_then(|text| Companion::parse(&text));
        let noted = companion.as_ref().and_then(|companion| companion.content);
        let noted = noted.filter(|content| content.size == found.size).map(|content| content.digest);
        Ok(Some(Published {
            location: self.directory.join(name),
            size: found.size,
            content_digest: found.content_digest.or(noted),
            sha256: companion.map(|companion| companion.sha256),
        }))
    }

    /// Begins to publish an archive, unless one with the same content digest is
    /// there under that name. With [`OnExisting::Replace`] it is always written.
    ///
    /// # Errors
    /// If another archive is there and may not be replaced, or the store
    /// refuses.
    pub fn upload(&self, name: &str, digest: ContentDigest, on_existing: OnExisting) -> Result<Start, Error> {
        check_name(name)?;
        if on_existing == OnExisting::Refuse
            && let Some(published) = self.head(name)?
        {
            return self.skip(name, published, digest).map(Start::AlreadyThere);
        }
        let sink = self.backend.create(name, digest, on_existing)?;
        Ok(Start::Upload(Upload {
            backend: Arc::clone(&self.backend),
            location: self.directory.join(name),
            name: name.to_owned(),
            digest,
            on_existing,
            sink: Hashing::new(sink),
        }))
    }

    /// Accepts what is there if it has the digest, and completes it if whoever
    /// published it stopped before its checksum was written.
    fn skip(&self, name: &str, published: Published, digest: ContentDigest) -> Result<Receipt, Error> {
        let Published { location, size, content_digest, sha256 } = published;
        if content_digest != Some(digest) {
            return Err(Error::Exists { url: location.to_string() });
        }
        let sha256 = if let Some(sha256) = sha256 {
            sha256
        } else {
            let sha256 = self.backend.hash(name)?;
            write_companion(self.backend.as_ref(), name, Content { digest, size }, sha256)?;
            sha256
        };
        Ok(Receipt { location, size, sha256, outcome: Outcome::Skipped })
    }
}

/// An archive on its way to a store. What is written goes out while more is
/// being written. Dropped unfinished, it leaves nothing behind.
pub struct Upload {
    backend: Arc<dyn Backend>,
    location: Location,
    name: String,
    digest: ContentDigest,
    on_existing: OnExisting,
    sink: Hashing<Box<dyn Sink>>,
}

impl Upload {
    /// Gives the archive its name, then writes its checksum beside it.
    ///
    /// # Errors
    /// If the store refuses, or another archive came under the same name; the
    /// upload is given up then. An archive whose checksum alone could not be
    /// written stays: publishing it again only completes it.
    pub fn finish(self) -> Result<Receipt, Error> {
        let Upload { backend, location, name, digest, on_existing, sink } = self;
        let (sink, sha256, size) = sink.finish();
        if on_existing == OnExisting::Replace {
            // A checksum must never stand beside an archive that it isn't of.
            backend.remove(&Companion::name_of(&name))?;
        }
        sink.commit(size, sha256)?;
        write_companion(backend.as_ref(), &name, Content { digest, size }, sha256)?;
        Ok(Receipt { location, size, sha256, outcome: Outcome::Uploaded })
    }

    /// Gives the upload up, and tells what had made a write fail, if it was
    /// the store: an [`io::Error`] can't say whether trying again may help.
    pub fn abort(self) -> Option<Error> {
        let (sink, ..) = self.sink.finish();
        sink.abort()
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn write_companion(
    backend: &dyn Backend,
    name: &str,
    content: Content,
    sha256: [u8; 32],
) -> Result<(), Error> {
    let content = (!backend.keeps_metadata()).then_some(content);
    let text = Companion { sha256, content }.render(name);
    backend.write(&Companion::name_of(name), &text)
}

/// A name is one part of a path, and not the name of a companion.
fn check_name(name: &str) -> Result<(), Error> {
    let sound = !matches!(name, "" | "." | "..")
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
        && !name.ends_with(".sha256");
    if sound { Ok(()) } else { Err(Error::Name { name: name.to_owned() }) }
}
