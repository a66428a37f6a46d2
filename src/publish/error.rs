//! What can go wrong between an archive and its URL.

use std::path::PathBuf;

use super::answer::Answer;
use super::s3::ProfileError;
use super::scheme;
use crate::error::{Explain, Kind};
use crate::interrupt::Interrupted;

/// An archive can't be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scheme is not one of ours.
    #[error("unknown kind of URL: `{scheme}:`")]
    UnknownScheme { scheme: String },
    /// A user name or password in a URL, which would end up in engine
    /// configurations; the URL is not repeated.
    #[error("a `{scheme}:` URL with a user name or password in it is refused")]
    UrlCredentials { scheme: String },
    /// A URL that can't be used.
    #[error("the URL `{url}` {problem}")]
    Url { url: String, problem: &'static str },
    /// A name that is no single part of a path.
    #[error("not a name for an archive: `{name}`")]
    Name { name: String },
    /// Something else is there, and overwriting wasn't asked for.
    #[error("a different object is already at `{url}`")]
    Exists { url: String },
    /// There is no archive to read.
    #[error("there is no archive at `{url}`")]
    Missing { url: String },
    /// A local file or directory refused.
    #[error("can't {action} `{}`", path.display())]
    Local {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// An environment variable or profile setting can't be used.
    #[error("the setting {name} {problem}")]
    Setting { name: String, problem: String },
    /// The AWS configuration files don't give what was asked for.
    #[error("the AWS profile `{profile}` can't be used")]
    Profile {
        profile: String,
        #[source]
        source: ProfileError,
    },
    /// Nobody offers credentials.
    #[error("no credentials for `{url}`")]
    NoCredentials {
        url: String,
        #[source]
        source: Option<Answer>,
    },
    /// The server refused or could not be reached.
    #[error("can't {action} `{url}`")]
    Remote {
        action: &'static str,
        url: String,
        /// The server, where it is not the public one.
        endpoint: Option<String>,
        #[source]
        source: Answer,
    },
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::UnknownScheme { .. }
            | Error::UrlCredentials { .. }
            | Error::Url { .. }
            | Error::Name { .. } => Kind::Usage,
            Error::Exists { .. }
            | Error::Missing { .. }
            | Error::Local { .. }
            | Error::Setting { .. }
            | Error::Profile { .. }
            | Error::NoCredentials { .. } => Kind::Input,
            Error::Remote { source, .. } => source.fault.kind(),
            Error::Interrupted(_) => Kind::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::UnknownScheme { .. } => {
                return Some(format!("give a local path or a URL that begins with {}", scheme::known()));
            }
            Error::UrlCredentials { .. } => {
                "put credentials into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
            }
            Error::Url { .. } => "write it like `s3a://bucket/envs/` or `file:///srv/envs/`",
            Error::Name { .. } => "use a name without slashes and spaces",
            Error::Exists { .. } => {
                "give a URL that ends in `/` to get a name by content, choose another name, or replace it with --force"
            }
            Error::Missing { .. } => "check the URL, which has to end with the archive's name",
            Error::Local { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "create the directory first, or choose another one"
            }
            Error::Local { source, .. } => return source.hint(),
            Error::Setting { .. } => "correct or unset it",
            Error::Profile { source, .. } => return Some(source.hint()),
            Error::NoCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile of ~/.aws/credentials"
            }
            Error::Remote { source, endpoint, .. } => return Some(source.fault.hint(endpoint.as_deref())),
            Error::Interrupted(_) => return None,
        };
        Some(hint.to_owned())
    }
}
