//! Why an environment can't be made to stand alone.

use std::path::PathBuf;

use crate::error::{Explain, Kind};

/// What keeps an environment from standing alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the prefix of the nodes' Python is not absolute: `{}`", prefix.display())]
    RelativePrefix { prefix: PathBuf },

    #[error("`{}` holds an interpreter of its own, which can't be replaced by one on the nodes", path.display())]
    OwnInterpreter { path: PathBuf },

    #[error("the magic number of the bytecode of {version} is not known")]
    UnknownMagic { version: String },

    #[error("the run path of `{}` can't be changed", path.display())]
    RunPath {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    #[error("libraries lie outside the environment: {libraries}")]
    OutsideLibraries { libraries: String },

    #[error("`{path}` is not valid JSON")]
    Json {
        path: String,
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::RelativePrefix { .. } => Kind::Usage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::RelativePrefix { .. } => {
                "give the folder on the nodes that holds `bin/python3`, such as /usr".into()
            }
            Error::OwnInterpreter { .. } => {
                "leave --python-prefix out; only virtual environments borrow their interpreter".into()
            }
            Error::UnknownMagic { .. } => "use a released version of CPython".into(),
            Error::RunPath { .. } => "install it again; the file may be broken".into(),
            Error::OutsideLibraries { .. } => {
                "install packages that bring them, let them be brought along with `--outside-libs bundle`, or leave \
                 them to the nodes with `--outside-libs warn`"
                    .into()
            }
            Error::Json { .. } => "install the package again".into(),
        })
    }
}
