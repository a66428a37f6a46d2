//! What the user points at: a source is recognised, read and understood here,
//! before anything is fetched.
//!
//! [`detect`] tries the kinds of specs in the order of `KINDS`. A new kind is
//! a file that defines a `SpecKind`, and a line in that table. What is not
//! known is named all the same (`foreign.rs`), so that nobody has to guess
//! why a `poetry.lock` is refused.

mod channels;
mod environment;
mod error;
mod file;
mod foreign;
mod pip;
mod place;
mod python;
mod requirements;
mod resolved;

use std::path::{Path, PathBuf};

pub use channels::ChannelOptions;
pub use environment::EnvSpec;
pub use error::SpecError;
pub use pip::{PipSpec, Requirement, project_of};
pub use place::Place;
pub use python::PythonRequest;
pub use requirements::RequirementsSpec;
pub use resolved::Resolved;

use file::SpecFile;

/// What the user points at.
#[derive(Debug)]
pub enum Source {
    /// A spec of conda packages, perhaps with a `pip:` section.
    Environment(EnvSpec),
    /// A requirements file.
    Requirements(RequirementsSpec),
    /// A directory that may be an environment.
    Prefix(PathBuf),
}

/// A kind of file that describes an environment.
struct SpecKind {
    /// As hints name it.
    shown: &'static str,
    /// Whether a file is meant to be of this kind, if perhaps a faulty one.
    recognises: fn(&SpecFile) -> bool,
    /// Reads a file that was recognised.
    parse: fn(&SpecFile, &ChannelOptions) -> Result<Source, SpecError>,
}

/// All of them; the first that recognises a file reads it.
const KINDS: &[SpecKind] = &[environment::KIND, requirements::KIND];

/// Finds out what `path` is and reads it.
///
/// # Errors
/// If it is missing, empty, binary or faulty, or of a kind that is not known.
pub fn detect(path: &Path, channels: &ChannelOptions) -> Result<Source, SpecError> {
    if path.is_dir() {
        return match foreign::directory(path) {
            Some(seen) => Err(seen),
            None => Ok(Source::Prefix(path.to_owned())),
        };
    }
    // The name of an empty file may tell that it wouldn't help to fill it.
    let (file, empty) = match SpecFile::read(path) {
        Err(SpecError::Empty { path }) => (SpecFile { path, text: String::new() }, true),
        file => (file?, false),
    };
    if let Some(seen) = foreign::file(&file) {
        return Err(SpecError::Unknown { path: path.to_owned(), seen: seen.to_owned() });
    }
    if empty {
        return Err(SpecError::Empty { path: path.to_owned() });
    }
    match KINDS.iter().find(|kind| (kind.recognises)(&file)) {
        Some(kind) => (kind.parse)(&file, channels),
        None => Err(SpecError::Unknown {
            path: path.to_owned(),
            seen: "a file of no kind that envship knows".into(),
        }),
    }
}

/// The kinds of sources, for hints.
fn known() -> String {
    let kinds: Vec<_> = KINDS.iter().map(|kind| kind.shown).collect();
    format!("{}, or the directory of a conda environment or virtual environment", kinds.join(", "))
}

#[cfg(test)]
mod tests;
