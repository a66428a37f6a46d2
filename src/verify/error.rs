//! What keeps an environment from being tried at all.

use std::path::PathBuf;

use crate::error::{Explain, Kind};
use crate::process::ProcessError;

/// The trial itself failed, not what was tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no threads can be started")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    #[error("`{}` can't be prepared for the trial", path.display())]
    Prepare { path: PathBuf, source: std::io::Error },
    #[error("`{}` is closed to the user `nobody`, who tries what root gives", path.display())]
    Closed { path: PathBuf },
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::Process(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Threads(_) => Some("raise the limit of processes, or use -j 1".to_owned()),
            Error::Prepare { source, .. } => {
                source.hint().or_else(|| Some("set TMPDIR to a folder with room for it".to_owned()))
            }
            Error::Closed { .. } => Some("set TMPDIR to a folder that everybody can enter".to_owned()),
            Error::Process(error) => error.hint(),
        }
    }
}
