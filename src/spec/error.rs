//! What can be wrong with a spec.

use std::io;
use std::path::PathBuf;

use super::place::Place;
use crate::error::{Explain, Kind};
use crate::net::Redacted;

/// A spec can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("`{}` does not exist", path.display())]
    Missing { path: PathBuf },
    #[error("`{}` can't be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is empty", path.display())]
    Empty { path: PathBuf },
    #[error("`{}` is {seen}, not a text file", path.display())]
    Binary { path: PathBuf, seen: &'static str },
    #[error("`{}` is {seen}", path.display())]
    Unknown { path: PathBuf, seen: String },
    #[error("`{}` is a folder, and no environment", path.display())]
    NoEnvironment { path: PathBuf, instead: Option<PathBuf> },
    #[error("`{}` is no valid environment file", path.display())]
    Yaml { path: PathBuf, source: Redacted },
    #[error("`{}` has no `dependencies:` list", path.display())]
    NoDependencies { path: PathBuf },
    #[error("`{}` has the dependency `{spec}`, which is no valid match spec", path.display())]
    MatchSpec { path: PathBuf, spec: String, source: Redacted },
    #[error("`{}` has a dependency section `{section}`; only `pip` is known", path.display())]
    Section { path: PathBuf, section: String },
    #[error("`{channel}` is no valid channel")]
    Channel { channel: String, source: Redacted },
    #[error("`{alias}` is no valid channel alias")]
    ChannelAlias { alias: String, source: url::ParseError },
    #[error("no channel is left to search")]
    NoChannels,
    #[error("`{}` has a `pip:` section but no python among its dependencies", path.display())]
    PipWithoutPython { path: PathBuf },
    #[error("{place}: {problem}")]
    PipLine { place: Place, problem: String },
    #[error("{place} names `{}`, where no file and no Python project is", missing.display())]
    PipPath { place: Place, missing: PathBuf },
    #[error("`{}` includes itself", path.display())]
    PipCycle { path: PathBuf },
}

impl Explain for SpecError {
    fn kind(&self) -> Kind {
        match self {
            SpecError::ChannelAlias { .. } | SpecError::NoChannels => Kind::Usage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SpecError::Missing { path } if path.to_string_lossy().contains("://") => {
                "fetch it first: what is packed is a file or a folder of this machine".into()
            }
            SpecError::Missing { .. } => "check the path; an environment is named with --name".into(),
            SpecError::Unreadable { .. } => "check the permissions of the file".into(),
            SpecError::Empty { .. } => {
                "list what the environment needs: `dependencies:` in environment.yml, a requirement a line in \
                 requirements.txt"
                    .into()
            }
            SpecError::NoEnvironment { instead: Some(instead), .. } => {
                format!("did you mean `{}`?", instead.display())
            }
            SpecError::Binary { .. } | SpecError::Unknown { .. } | SpecError::NoEnvironment { .. } => {
                format!("give {}", super::known())
            }
            SpecError::Yaml { .. } => {
                "an environment file has `name`, `channels`, `dependencies` and `variables`; dependencies are a \
                 list of match specs and one `pip:` list"
                    .into()
            }
            SpecError::NoDependencies { .. } => "add `dependencies:` with at least `- python`".into(),
            SpecError::MatchSpec { .. } => {
                "write it as `name`, `name=1.2`, `name >=1.2,<2` or `channel::name`; pip's packages go under \
                 `- pip:`"
                    .into()
            }
            SpecError::Section { section, .. } => {
                format!("write `- {section}=…` for a version, or `- pip:` for packages from PyPI")
            }
            SpecError::Channel { .. } => {
                "a channel is a name such as `conda-forge`, a URL, or a path that begins with `./` or `/`".into()
            }
            SpecError::ChannelAlias { .. } => "give a URL such as `https://conda.anaconda.org`".into(),
            SpecError::NoChannels => "name one with --channel when the spec's are overridden".into(),
            SpecError::PipWithoutPython { .. } => "add `- python` to the dependencies".into(),
            SpecError::PipLine { .. } => {
                "see pip's reference, \"Requirements File Format\"; options and requirements stand on lines of \
                 their own"
                    .into()
            }
            SpecError::PipPath { .. } => "paths are relative to the file that they stand in".into(),
            SpecError::PipCycle { .. } => "remove the `-r` or `-c` line that leads back".into(),
        })
    }
}
