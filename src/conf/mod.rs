//! The configuration that makes an engine run the Python of an archive.
//!
//! A [`Request`] says where the archive lies and where the job runs; a
//! [`Target`] is a way of telling an engine, such as a `spark-submit` command;
//! [`render`] gives text that is ready to paste, and the same as data. What an
//! engine can't do is refused with the reason; what can be mended is, with a
//! note. Nothing here touches the network or a file system.
//!
//! The rules were found by running the engines: which archives they unpack, who
//! picks the interpreter, which keys ship an archive twice. They are in
//! `spark.rs`; a target only words them. A new target is a file with a
//! `Definition` and a line in [`Target::ALL`].

mod error;
mod formats;
mod pyspark;
mod quote;
mod rendered;
mod request;
mod spark;
mod spark_defaults;
mod spark_submit;
mod support;
mod uri;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use error::Error;
pub use rendered::{Pairs, Rendered};
pub use request::{Alias, DeployMode, Engine, Master, Request, SparkVersion};
pub use support::python_support;

/// A way of telling an engine to use an archive.
#[derive(Clone, Copy)]
pub struct Target(&'static Definition);

/// What there is to know of a target.
struct Definition {
    /// On the command line.
    name: &'static str,
    /// One line for a list.
    about: &'static str,
    render: fn(&Request) -> Result<Rendered, Error>,
}

impl Target {
    /// A command line for `spark-submit`.
    pub const SPARK_SUBMIT: Target = Target(&spark_submit::DEFINITION);
    /// Lines for `spark-defaults.conf`.
    pub const SPARK_DEFAULTS: Target = Target(&spark_defaults::DEFINITION);
    /// The beginning of a plain Python script or notebook.
    pub const PYSPARK: Target = Target(&pyspark::DEFINITION);

    /// All of them.
    pub const ALL: &[Target] = &[Target::SPARK_SUBMIT, Target::SPARK_DEFAULTS, Target::PYSPARK];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it prints, in one line.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.0.about
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Target {}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Target::ALL
            .iter()
            .copied()
            .find(|target| target.name() == text)
            .ok_or_else(|| Error::UnknownTarget { target: text.to_owned() })
    }
}

/// The configuration of a target for an archive.
///
/// # Errors
/// If the engine can't use the archive that way, or something it needs is not
/// given.
pub fn render(target: Target, request: &Request) -> Result<Rendered, Error> {
    (target.0.render)(request)
}
