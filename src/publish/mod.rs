//! Archive ↔ URL: puts an archive where a cluster can read it.
//!
//! A [`Location`] is a URL that was read and found sound; [`Location::open`]
//! makes it a [`Store`]; [`Store::upload`] gives an [`Upload`] to write the
//! archive into while it is being packed, with no copy on disk. Nothing can be
//! seen under the archive's name before [`Upload::finish`], and nothing is left
//! of an upload that was not finished.
//!
//! Beside `name` lies `name.sha256`, written last, in the form that
//! `sha256sum --check` reads. The content digest is kept in the object's metadata
//! (`envship-digest`), and where a store has none, as on a local disk, in a
//! comment of the `.sha256` file.
//!
//! Everything speaks to a `Backend`: a local directory, or any
//! `object_store`. A kind of URL is a file and a line in `scheme.rs`.
//!
//! A [`Remote`] reads an archive where it lies, web servers included.

mod answer;
mod backend;
mod companion;
mod error;
mod file;
mod http;
mod local;
mod location;
mod multipart;
mod network;
mod object;
mod remote;
mod s3;
mod scheme;
mod spool;
mod store;

#[cfg(test)]
mod conformance;

pub use answer::{Answer, Fault};
pub use error::Error;
pub use file::{Job, publish_file};
pub use location::Location;
pub use remote::{Remote, RemoteReader};
pub use s3::ProfileError;
pub use store::{Outcome, Published, Receipt, Start, Store, Upload, Variables};
