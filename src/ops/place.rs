//! Where an archive is read from: one way in for every command that reads one.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::archive::Input;
use crate::error::Result;
use crate::net::redact;
use crate::progress::Progress;
use crate::publish::{Location, Remote};

/// An archive, wherever it lies.
pub(super) enum Place {
    /// A file, or a folder with an unpacked environment.
    Here(PathBuf),
    /// At a URL, or coming through a pipe.
    Elsewhere { name: String, remote: Remote },
}

impl Place {
    /// Finds it by its path or its URL. What comes through a pipe, such as
    /// `/dev/stdin` or a shell's `<(…)`, is read to its end at once.
    pub(super) fn of(what: &Path, progress: &dyn Progress) -> Result<Self> {
        let path = match what.to_str().filter(|text| Location::is_url(text) && !what.exists()) {
            None => what.to_owned(),
            Some(url) => match Location::parse(url).ok().and_then(|it| it.local_path().map(Path::to_owned)) {
                Some(path) => path,
                None => {
                    return Ok(Place::Elsewhere { name: redact(url), remote: Remote::open(url, progress)? });
                }
            },
        };
        if fs_err::metadata(&path).is_ok_and(|found| found.file_type().is_fifo()) {
            let name = path.display().to_string();
            let remote = Remote::of_pipe(&mut fs_err::File::open(&path)?, progress)?;
            return Ok(Place::Elsewhere { name, remote });
        }
        Ok(Place::Here(path))
    }

    /// The folder, if it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Place::Here(path) if path.is_dir() => Some(path),
            _ => None,
        }
    }

    /// Of the archive, in bytes.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Place::Here(path) => fs_err::metadata(path).ok().map(|found| found.len()),
            Place::Elsewhere { remote, .. } => Some(remote.size()),
        }
    }

    /// Brings it to this machine, for who reads it more than once.
    pub(super) fn fetched(self, progress: &dyn Progress) -> Result<Self> {
        Ok(match self {
            Place::Elsewhere { name, remote } => Place::Elsewhere { name, remote: remote.fetch(progress)? },
            here @ Place::Here(_) => here,
        })
    }

    /// Reads it.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Input<'_>) -> Result<T>) -> Result<T> {
        match self {
            Place::Here(path) => work(&Input::file(path)?),
            Place::Elsewhere { name, remote } => {
                // What the server said tells more than that reading failed.
                work(&Input::new(name, || Ok(Box::new(remote.reader()))))
                    .map_err(|error| remote.failure().map_or(error, Into::into))
            }
        }
    }
}
