//! The kinds of URLs that archives can be published to. A new kind is a file
//! with a [`Scheme`] of its own and a line in [`SCHEMES`].

use std::sync::Arc;

use super::backend::Backend;
use super::error::Error;
use super::location::Location;
use super::store::Variables;
use super::{local, s3};

/// The scheme of local files.
pub(super) const FILE: &str = "file";

type Open = fn(&Location, &Variables) -> Result<Arc<dyn Backend>, Error>;

/// One kind of URL.
pub(super) struct Scheme {
    /// Its spellings, without the colon.
    pub names: &'static [&'static str],
    /// Connects to the directory of a location, with the settings that the
    /// environment variables give.
    pub open: Open,
}

const SCHEMES: [Scheme; 2] = [local::SCHEME, s3::SCHEME];

/// The scheme with this name.
pub(super) fn find(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.names.contains(&name))
}

/// All names, as they stand in a sentence.
pub(super) fn known() -> String {
    let names: Vec<_> =
        SCHEMES.iter().flat_map(|scheme| scheme.names).map(|name| format!("{name}:")).collect();
    let (last, others) = names.split_last().expect("there are schemes");
    format!("{} or {last}", others.join(", "))
}
