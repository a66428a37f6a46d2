//! What can go wrong between an archive and its URL.

use std::path::PathBuf;

use super::answer::{Access, Answer};
use super::s3::ProfileError;
use crate::error::{Explain, Kind};
use crate::interrupt::Interrupted;
use crate::net::NetError;

/// An archive can't be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scheme is not one of ours.
    #[error("unknown kind of URL: `{scheme}:`")]
    UnknownScheme {
        scheme: String,
        /// Those that are, as they stand in a sentence.
        known: String,
    },
    /// A user name or password in a URL, which would end up in engine
    /// configurations; the URL is not repeated.
    #[error("a `{scheme}:` URL with a user name or password in it is refused")]
    UrlCredentials { scheme: String },
    /// A URL that can't be used.
    #[error("the URL `{url}` {problem}")]
    Url { url: String, problem: &'static str },
    /// A home that no shell has put in.
    #[error("`~` stands for nothing in `{path}`")]
    Tilde { path: String },
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
    /// A web address that is none.
    #[error("`{url}` is no web address")]
    Address {
        url: String,
        #[source]
        source: url::ParseError,
    },
    /// A web server refused or could not be reached.
    #[error("can't read `{url}`")]
    Fetch {
        url: String,
        #[source]
        source: Answer,
    },
    /// Somebody replaced an archive that was being read.
    #[error("`{url}` changed while it was being read")]
    Changed { url: String },
    /// The network can't be used at all.
    #[error(transparent)]
    Net(NetError),
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<NetError> for Error {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Interrupted(interrupted) => Error::Interrupted(interrupted),
            error => Error::Net(error),
        }
    }
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::UnknownScheme { .. }
            | Error::UrlCredentials { .. }
            | Error::Url { .. }
            | Error::Address { .. }
            | Error::Tilde { .. }
            | Error::Name { .. } => Kind::Usage,
            Error::Exists { .. }
            | Error::Missing { .. }
            | Error::Local { .. }
            | Error::Setting { .. }
            | Error::Profile { .. }
            | Error::NoCredentials { .. } => Kind::Input,
            Error::Remote { source, .. } | Error::Fetch { source, .. } => source.fault.kind(),
            Error::Changed { .. } => Kind::Retry,
            Error::Net(error) => error.kind(),
            Error::Interrupted(_) => Kind::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::UnknownScheme { known, .. } => {
                return Some(format!("give a local path or a URL that begins with {known}"));
            }
            Error::UrlCredentials { .. } => {
                "put credentials into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile"
            }
            Error::Url { .. } => "write it like `s3a://bucket/envs/` or `file:///srv/envs/`",
            Error::Tilde { .. } => "shells replace it only outside of quotes; write $HOME or the whole path",
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
            Error::Remote { action, source, endpoint, .. } => {
                return Some(source.fault.hint(Access::of(action), endpoint.as_deref()));
            }
            Error::Address { .. } => "write it like `https://host/envs/env.tar.gz`",
            Error::Fetch { source, .. } => source.fault.hint_for_web(),
            Error::Changed { .. } => {
                "try again when nobody writes it; archives under names by content never change"
            }
            Error::Net(error) => return error.hint(),
            Error::Interrupted(_) => return None,
        };
        Some(hint.to_owned())
    }
}
