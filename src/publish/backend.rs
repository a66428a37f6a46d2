//! What a kind of store has to be able to do. Names are relative to the
//! directory that it was opened on.

use std::io::Write;
use std::ops::Range;

use super::error::Error;
use crate::artifact::ContentDigest;
use crate::fs::OnExisting;

/// A directory that archives are put into.
pub(super) trait Backend: Send + Sync {
    /// Finds out early whether writing will work; leaves nothing behind.
    fn check_writable(&self) -> Result<(), Error>;

    /// Whether objects carry their content digest in metadata of their own.
    fn keeps_metadata(&self) -> bool;

    /// Looks an object up.
    fn find(&self, name: &str) -> Result<Option<Found>, Error>;

    /// The SHA-256 of an object's bytes, by reading it.
    fn hash(&self, name: &str) -> Result<[u8; 32], Error>;

    /// Reads some bytes of an object, all of which are there.
    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// Reads a small text.
    fn read(&self, name: &str) -> Result<Option<String>, Error>;

    /// Writes a small text, whatever is there.
    fn write(&self, name: &str, text: &str) -> Result<(), Error>;

    /// Removes an object, if it is there.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Begins an object.
    fn create(
        &self,
        name: &str,
        digest: ContentDigest,
        on_existing: OnExisting,
    ) -> Result<Box<dyn Sink>, Error>;
}

/// What a lookup finds.
pub(super) struct Found {
    /// In bytes.
    pub size: u64,
    /// From the object's metadata.
    pub content_digest: Option<ContentDigest>,
}

/// An object that is being written. Dropped without `commit`, it removes all
/// that it made.
pub(super) trait Sink: Write + Send {
    /// Completes the object. Another one that came under the same name
    /// meanwhile is an error, unless it holds the same: `size` bytes with this
    /// SHA-256.
    fn commit(self: Box<Self>, size: u64, sha256: [u8; 32]) -> Result<(), Error>;

    /// Gives the object up, and tells what had made a write fail, which an
    /// [`std::io::Error`] can't carry.
    fn abort(self: Box<Self>) -> Option<Error>;
}
