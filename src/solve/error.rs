//! Why no set of packages was found.

use std::error::Error as StdError;
use std::io;

use rattler_repodata_gateway::GatewayError;
use rattler_repodata_gateway::fetch::FetchRepoDataError;

use crate::baseline::GlibcTarget;
use crate::error::{Explain, Kind};
use crate::net::{self, NetError, Redacted};

/// The dependencies of an environment can't be resolved.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    #[error("no package `{name}` in {channels}")]
    UnknownPackage { name: String, channels: String, nearest: Vec<String> },
    #[error("no version of `{name}` fits `{spec}` in {channels}")]
    NoVersion { name: String, spec: String, channels: String, versions: Vec<String> },
    #[error("the dependencies can't be satisfied together")]
    Unsatisfiable { source: Redacted, glibc: Option<GlibcTarget> },
    #[error("there is no channel at `{channel}`")]
    NoChannel { channel: String, source: Redacted },
    #[error("the server refuses access to a channel")]
    Forbidden { source: Redacted },
    #[error("a channel can't be reached")]
    Unreachable { source: Redacted },
    #[error("a channel can't be read")]
    Repodata { source: Redacted },
    #[error("this machine is no platform that conda has packages for")]
    Platform,
    #[error("the virtual packages of this machine can't be found out")]
    VirtualPackages { source: Redacted },
    #[error("the package cache can't be used")]
    Cache { source: io::Error },
    #[error(transparent)]
    Net(#[from] NetError),
}

impl Explain for SolveError {
    fn kind(&self) -> Kind {
        match self {
            SolveError::Unreachable { .. } => Kind::Retry,
            SolveError::Net(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SolveError::UnknownPackage { nearest, .. } if nearest.is_empty() => {
                "check the name, or add a channel that has it with --channel; what only PyPI has goes under `- pip:`"
                    .into()
            }
            SolveError::UnknownPackage { nearest, .. } => {
                let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
                format!("did you mean {}?", names.join(" or "))
            }
            SolveError::NoVersion { name, versions, .. } => {
                format!("there is `{name}` {}", versions.join(", "))
            }
            SolveError::Unsatisfiable { glibc: Some(glibc), .. } => {
                format!("loosen one of the versions, or aim at a newer glibc than {glibc} if the cluster has one")
            }
            SolveError::Unsatisfiable { glibc: None, .. } => "loosen or remove one of the versions named above".into(),
            SolveError::NoChannel { .. } => {
                "check its name or URL: a channel has a `noarch/repodata.json`; names lie below --channel-alias".into()
            }
            SolveError::Forbidden { .. } => {
                "give credentials in ~/.netrc or RATTLER_AUTH_FILE, or a channel URL with a token".into()
            }
            SolveError::Unreachable { .. } => "check the network and the proxy, and try again".into(),
            SolveError::Repodata { .. } => "there is no channel at this URL, or its index is damaged: rebuild it, or tell who runs it".into(),
            SolveError::Platform => "pack on Linux or macOS".into(),
            SolveError::VirtualPackages { .. } => "check the CONDA_OVERRIDE_… variables".into(),
            SolveError::Cache { .. } => "set RATTLER_CACHE_DIR to a folder that can be written".into(),
            SolveError::Net(error) => return error.hint(),
        })
    }
}

impl From<GatewayError> for SolveError {
    fn from(error: GatewayError) -> Self {
        if let GatewayError::SubdirNotFoundError(missing) = &error {
            let channel = net::redact(missing.channel.base_url.as_str().trim_end_matches('/'));
            return SolveError::NoChannel { channel, source: Redacted::new(&missing.source) };
        }
        let source = Redacted::new(&error);
        match (status(&error), kind(&error)) {
            (Some(401 | 403 | 407), _) => SolveError::Forbidden { source },
            (_, Kind::Retry) => SolveError::Unreachable { source },
            _ => SolveError::Repodata { source },
        }
    }
}

/// The library's error that says what happened on the wire. Transparent
/// variants are skipped by `source`, so they are opened by hand.
fn wire(error: &GatewayError) -> &(dyn StdError + 'static) {
    match error {
        GatewayError::ReqwestError(error) => error,
        GatewayError::FetchRepoDataError(FetchRepoDataError::HttpError(error)) => error,
        GatewayError::FetchRepoDataError(FetchRepoDataError::IoError(error)) => error,
        error => error,
    }
}

fn kind(error: &GatewayError) -> Kind {
    match error {
        GatewayError::ReqwestMiddlewareError(error) => net::kind_of(&**error),
        error => net::kind_of(wire(error)),
    }
}

fn status(error: &GatewayError) -> Option<u16> {
    let mut cause = Some(wire(error));
    while let Some(error) = cause {
        let reqwest = match error.downcast_ref::<reqwest_middleware::Error>() {
            Some(reqwest_middleware::Error::Reqwest(error)) => Some(error),
            _ => error.downcast_ref::<reqwest::Error>(),
        };
        if let Some(status) = reqwest.and_then(reqwest::Error::status) {
            return Some(status.as_u16());
        }
        cause = error.source();
    }
    None
}
