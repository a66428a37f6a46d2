//! Why an environment could not be installed.

use std::io;

use rattler::install::InstallerError;
use rattler_cache::package_cache::{PackageCacheError, PackageCacheLayerError};
use rattler_package_streaming::ExtractError;
use url::Url;

use super::asked::Asked;
use crate::error::{Explain, Kind};
use crate::net::{self, NetError, Redacted};
use crate::process::ProcessError;

/// An environment can't be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the package `{package}` can't be fetched from `{url}`")]
    Fetch { package: String, url: String, kind: Kind, source: Redacted },
    #[error("the package `{package}` from `{url}` is not what its channel promises")]
    Checksum { package: String, url: String, source: Redacted },
    #[error("the conda packages can't be installed")]
    Conda { source: Redacted },
    #[error("the post-link script of `{packages}` failed")]
    LinkScript { packages: String },
    #[error("there is no room for the package `{package}` in the package cache")]
    CacheFull { package: String, source: Redacted },
    #[error("the package cache can't be used")]
    Cache { source: io::Error },
    #[error("no Python was found{wanted}")]
    NoPython { wanted: String },
    #[error("`{interpreter}` is no Python that runs")]
    BadPython { interpreter: String, source: Redacted },
    #[error("no virtual environment can be made with `{interpreter}`")]
    Venv { interpreter: String, source: Redacted },
    #[error("`{interpreter}` has no pip, and no uv was found")]
    NoInstaller { interpreter: String },
    #[error("a requirement can't be found or its versions don't fit together{asked}")]
    Requirement { asked: Asked, source: Redacted },
    #[error("a requirement can't be understood{asked}")]
    Syntax { asked: Asked, source: Redacted },
    #[error("a downloaded package does not have the hash that is required{asked}")]
    Hash { asked: Asked, source: Redacted },
    #[error("a requirement has no hash, but others have{asked}")]
    Unhashed { asked: Asked, source: Redacted },
    #[error("a package index can't be reached{asked}")]
    IndexUnreachable { asked: Asked, source: Redacted },
    #[error("a package index refuses access{asked}")]
    IndexForbidden { asked: Asked, source: Redacted },
    #[error("a package can't be built{asked}")]
    Build { asked: Asked, source: Redacted },
    #[error("{tool} failed")]
    Tool { tool: &'static str, source: Redacted },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Explain for InstallError {
    fn kind(&self) -> Kind {
        match self {
            InstallError::Fetch { kind, .. } => *kind,
            InstallError::IndexUnreachable { .. } => Kind::Retry,
            InstallError::Process(error) => error.kind(),
            InstallError::Net(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            InstallError::Fetch { kind: Kind::Retry, .. } | InstallError::IndexUnreachable { .. } => "check the network and the proxy, and try again".into(),
            InstallError::Fetch { .. } => "the channel's index names a package that it doesn't give out".into(),
            InstallError::Checksum { .. } => {
                "the channel's index and its packages don't agree: rebuild the index, or tell who runs it".into()
            }
            InstallError::Conda { .. } => "check the free space and the permissions of the temporary folder".into(),
            InstallError::LinkScript { .. } => "leave the package out, or ask who maintains it".into(),
            InstallError::CacheFull { .. } => {
                "free some space, or set RATTLER_CACHE_DIR and TMPDIR to folders that have it".into()
            }
            InstallError::Cache { .. } => "set RATTLER_CACHE_DIR to a folder that can be written".into(),
            InstallError::NoPython { .. } => {
                "install one (`uv python install 3.11`), name one with --python PATH, or take conda's with --python \
                 conda:3.11"
                    .into()
            }
            InstallError::BadPython { .. } => "name an interpreter that runs on this machine with --python".into(),
            InstallError::Venv { .. } => {
                "install uv, or the interpreter's own `venv` and `ensurepip` modules (python3-venv on Debian)".into()
            }
            InstallError::NoInstaller { .. } => {
                "install uv, name it with $UV, or add `pip` to the dependencies".into()
            }
            InstallError::Requirement { .. } => {
                "check the names and versions, and that the index has wheels for this Python and --target-glibc".into()
            }
            InstallError::Syntax { .. } => {
                "write it as `name`, `name==1.2`, `name>=1.2,<2` or `name @ URL` (PEP 508)".into()
            }
            InstallError::Hash { .. } => {
                "the file on the index is not the one that was locked: lock again if that is meant to be so".into()
            }
            InstallError::Unhashed { .. } => "pin every requirement by `==` and give each a hash, or none".into(),
            InstallError::IndexForbidden { .. } => {
                "give credentials in ~/.netrc or in the index URL (`https://${USER}:${TOKEN}@…`)".into()
            }
            InstallError::Build { .. } => {
                "what its build needs must be on this machine; a wheel of it needs nothing".into()
            }
            InstallError::Tool { .. } => "the lines above are its own".into(),
            InstallError::Process(error) => return error.hint(),
            InstallError::Net(error) => return error.hint(),
            InstallError::Io(error) => return error.hint(),
        })
    }
}

impl InstallError {
    /// A package that didn't get into the cache.
    pub(super) fn of_cache(package: &str, url: &Url, error: &PackageCacheError) -> Self {
        let (package, url, source) = (package.to_owned(), net::redact(url.as_str()), Redacted::new(error));
        match extraction(error) {
            _ if net::is_full(error) || extraction(error).is_some_and(|error| net::is_full(error)) => {
                InstallError::CacheFull { package, source }
            }
            Some(ExtractError::HashMismatch { .. }) => InstallError::Checksum { package, url, source },
            // Transparent: its source is the one below.
            Some(ExtractError::ReqwestError(error)) => {
                InstallError::Fetch { package, url, kind: net::kind_of(error), source }
            }
            Some(error) => InstallError::Fetch { package, url, kind: net::kind_of(error), source },
            None => InstallError::Fetch { package, url, kind: net::kind_of(error), source },
        }
    }

    pub(super) fn of_installer(error: &InstallerError) -> Self {
        InstallError::Conda { source: Redacted::new(error) }
    }
}

/// The error of fetching and unpacking, out of the boxes of the cache's layers.
fn extraction(error: &PackageCacheError) -> Option<&ExtractError> {
    let PackageCacheError::LayerError(layer) = error else { return None };
    if let Some(error) = layer.downcast_ref::<PackageCacheError>() {
        return extraction(error);
    }
    match layer.downcast_ref::<PackageCacheLayerError>()? {
        PackageCacheLayerError::FetchError(error) => error.downcast_ref(),
        PackageCacheLayerError::OtherError(error) => error.downcast_ref(),
        _ => None,
    }
}
