//! What can be wrong with an environment.

use std::path::PathBuf;

use crate::error::Explain;

/// An environment that can't be read, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such environment: `{}`", path.display())]
    Missing { path: PathBuf },

    #[error("no environment: `{}` is {seen}", path.display())]
    NotAnEnvironment { path: PathBuf, seen: String },

    #[error("`{}` was made by a virtualenv older than 20", path.display())]
    OldVirtualenv { path: PathBuf },

    #[error("broken environment: `{}` points to `{}`, which is not there", link.display(), target.display())]
    DanglingInterpreter { link: PathBuf, target: PathBuf },

    #[error("the Python of `{}` can't be entered: `{}`", environment.display(), target.display())]
    UnreachableInterpreter {
        environment: PathBuf,
        target: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("broken environment: no interpreter at `{}`", path.display())]
    NoInterpreter { path: PathBuf },

    #[error("broken environment: the Python of `{}` is gone from `{}`", path.display(), home.display())]
    MissingBase { path: PathBuf, home: PathBuf },

    #[error("no standard library `{name}` was found for `{}`", executable.display())]
    NoStandardLibrary { executable: PathBuf, name: String },

    #[error("the Python version of `{}` can't be told", path.display())]
    UnknownVersion { path: PathBuf },

    #[error("no conda environment is named `{name}`; searched {}", list(searched))]
    UnknownName { name: String, searched: Vec<PathBuf>, near: Vec<String> },

    #[error("the active environment is gone: `{}`", path.display())]
    ActiveGone { path: PathBuf },

    #[error("no environment is active")]
    NothingActive,

    #[error("the name of `{}` is not UTF-8", path.display())]
    NotUtf8 { path: PathBuf },

    #[error("not readable: `{}`", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("`{link}` links to the folder `{}` outside the environment", target.display())]
    OutsideFolder { link: String, target: PathBuf },

    #[error("installed as editable: {}", projects.iter().map(|(name, at)| format!("`{name}` from `{at}`")).collect::<Vec<_>>().join(", "))]
    Editable { projects: Vec<(String, String)> },

    #[error("on Python's search path but outside the environment: {}", folders.iter().map(|(file, folder)| format!("`{folder}` by `{file}`")).collect::<Vec<_>>().join(", "))]
    OutsidePath { folders: Vec<(String, String)> },

    #[error("files of packages are missing or were replaced: {}", packages.join("; "))]
    Incomplete { packages: Vec<String> },

    #[error("`{}` is no conda package record", path.display())]
    BadRecord {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "nothing, for no folder of environments is known".to_owned();
    }
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { .. } => "check the path, or give a conda environment's name with --name".into(),
            Error::NotAnEnvironment { .. } => {
                "give a conda environment (it has a `conda-meta` folder) or a virtual environment made by venv, \
                 virtualenv or uv (it has a `pyvenv.cfg`)"
                    .into()
            }
            Error::OldVirtualenv { .. } => "make it again with `python -m venv` or a current virtualenv".into(),
            Error::DanglingInterpreter { .. } | Error::MissingBase { .. } | Error::NoInterpreter { .. } => {
                "install that Python again, or make the environment again with one that is installed".into()
            }
            Error::UnreachableInterpreter { .. } => {
                "run as a user who may read that Python, or make the environment with one that everybody may read"
                    .into()
            }
            Error::NoStandardLibrary { .. } => {
                "make the environment with a CPython that is installed whole, such as uv's, pyenv's or conda's".into()
            }
            Error::UnknownVersion { .. } => "make the environment again".into(),
            Error::UnknownName { near, .. } if !near.is_empty() => {
                format!("did you mean {}?", near.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            }
            Error::UnknownName { .. } => "give the path of the environment with --prefix".into(),
            Error::ActiveGone { .. } => {
                "VIRTUAL_ENV or CONDA_PREFIX names it: deactivate it, or name another environment".into()
            }
            Error::NothingActive => "activate an environment, or name one".into(),
            Error::NotUtf8 { .. } => "rename it, or leave it out with --exclude and a `*` for what is not UTF-8".into(),
            Error::Unreadable { .. } => {
                "run as a user who may read it, or leave it out with --exclude".into()
            }
            Error::OutsideFolder { link, .. } => {
                format!("leave it out with --exclude '{link}', or put a copy of the folder in its place")
            }
            Error::Editable { .. } => {
                "install them as built packages (`pip install PATH` without -e), or leave them out with \
                 --ignore-editable-packages"
                    .into()
            }
            Error::OutsidePath { .. } => {
                "make a package of what is there and install it, copy it into the environment, or go without it by \
                 --ignore-editable-packages"
                    .into()
            }
            Error::Incomplete { .. } => "install the packages again, or go on without --strict".into(),
            Error::BadRecord { .. } => "install the package again".into(),
        })
    }
}
