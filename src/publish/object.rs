//! Directories of object stores: prefixes in a bucket.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload,
};

use super::answer::{Answer, Fault};
use super::backend::{Backend, Found, Sink};
use super::companion;
use super::error::Error;
use super::location::{Location, Place};
use super::multipart::MultipartSink;
use super::network::Network;
use crate::artifact::ContentDigest;
use crate::fs::{Hashing, OnExisting};
use crate::interrupt::Interrupted;

/// The object's metadata key for the content digest.
const DIGEST_KEY: &str = "envship-digest";

/// A prefix in an object store.
#[derive(Clone)]
pub(super) struct ObjectDirectory {
    pub network: Network,
    /// For small requests: gives up after a few seconds.
    pub hasty: Arc<dyn ObjectStore>,
    /// For the archive: outlasts a restart of the server.
    pub patient: Arc<dyn ObjectStore>,
    /// For messages.
    pub directory: Location,
    /// The server, where it is not the public one; for messages.
    pub endpoint: Option<String>,
}

impl ObjectDirectory {
    pub fn key(&self, name: &str) -> Key {
        let Place::Bucket { key, .. } = &self.directory.place else { unreachable!("made for buckets") };
        // As it stands, with no encoding: `Location` and `check_name` let only plain names through.
        Key::parse(format!("{key}{name}")).unwrap_or_else(|_| Key::from(format!("{key}{name}")))
    }

    /// The error of a request.
    pub fn failed(&self, action: &'static str, name: &str, error: &object_store::Error) -> Error {
        Error::Remote {
            action,
            url: self.directory.join(name).to_string(),
            endpoint: self.endpoint.clone(),
            source: Answer::of(error),
        }
    }

    pub fn exists(&self, name: &str) -> Error {
        Error::Exists { url: self.directory.join(name).to_string() }
    }

    /// Looks an object up with the given patience.
    pub fn find_with(&self, store: &dyn ObjectStore, name: &str) -> Result<Option<Found>, Error> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.network.wait(store.get_opts(&self.key(name), options))? {
            Ok(found) => Ok(Some(Found {
                size: found.meta.size,
                content_digest: found
                    .attributes
                    .get(&Attribute::Metadata(DIGEST_KEY.into()))
                    .and_then(|value| companion::digest(value))
                    .map(ContentDigest),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look up", name, &error)),
        }
    }

    /// Begins a multipart upload. One that Ctrl-C comes in the way of is
    /// aborted: the server may have begun it.
    pub fn begin(
        &self,
        store: &Arc<dyn ObjectStore>,
        name: &str,
        attributes: Attributes,
    ) -> Result<Box<dyn object_store::MultipartUpload>, Error> {
        let (store, key) = (Arc::clone(store), self.key(name));
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut beginning =
            self.network.handle().spawn(async move { store.put_multipart_opts(&key, options).await });
        let Ok(begun) = self.network.wait(&mut beginning) else {
            self.network.wait_briefly(async {
                if let Ok(Ok(mut upload)) = beginning.await {
                    let _ = upload.abort().await;
                }
            });
            return Err(Interrupted.into());
        };
        begun
            .expect("object_store does not panic")
            .map_err(|error| self.failed("begin an upload to", name, &error))
    }
}

/// The metadata of an archive.
pub(super) fn attributes(digest: ContentDigest) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(DIGEST_KEY.into()), digest.to_string())])
}

impl Backend for ObjectDirectory {
    /// Begins an upload and gives it up. Nothing less tells a missing bucket
    /// from a missing key, or wants just the permission to write.
    fn check_writable(&self) -> Result<(), Error> {
        let mut upload =
            self.begin(&self.hasty, ".envship-check", Attributes::new()).map_err(|error| match error {
                Error::Remote { url: _, action: _, endpoint, source } => Error::Remote {
                    action: "publish into",
                    url: self.directory.to_string(),
                    endpoint,
                    // There is no key to be missing.
                    source: if source.fault == Fault::NotFound {
                        source.about(Fault::NoBucket)
                    } else {
                        source
                    },
                },
                error => error,
            })?;
        match self.network.wait_briefly(upload.abort()) {
            Some(Err(error)) => Err(self.failed("give up an upload to", ".envship-check", &error)),
            _ => Ok(()),
        }
    }

    fn keeps_metadata(&self) -> bool {
        true
    }

    fn find(&self, name: &str) -> Result<Option<Found>, Error> {
        self.find_with(self.hasty.as_ref(), name)
    }

    fn hash(&self, name: &str) -> Result<[u8; 32], Error> {
        let key = self.key(name);
        let work = async {
            let mut stream = self.patient.get(&key).await?.into_stream();
            let mut hashing = Hashing::new(std::io::sink());
            while let Some(chunk) = stream.next().await {
                std::io::Write::write_all(&mut hashing, &chunk?).expect("a sink takes everything");
            }
            Ok(hashing.finish().1)
        };
        self.network.wait(work)?.map_err(|error: object_store::Error| self.failed("read", name, &error))
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let bytes = self.network.wait(self.patient.get_range(&self.key(name), range))?;
        bytes.map(Into::into).map_err(|error| self.failed("read", name, &error))
    }

    fn read(&self, name: &str) -> Result<Option<String>, Error> {
        let key = self.key(name);
        let work = async { self.hasty.get(&key).await?.bytes().await };
        match self.network.wait(work)? {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, &error)),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let payload = PutPayload::from(text.to_owned());
        let written = self.network.wait(self.patient.put(&self.key(name), payload))?;
        written.map(drop).map_err(|error| self.failed("write", name, &error))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        match self.network.wait(self.patient.delete(&self.key(name)))? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("replace", name, &error)),
        }
    }

    fn create(
        &self,
        name: &str,
        digest: ContentDigest,
        on_existing: OnExisting,
    ) -> Result<Box<dyn Sink>, Error> {
        Ok(Box::new(MultipartSink::new(self.clone(), name, digest, on_existing)))
    }
}
