//! Why the network can't be used at all.

use std::io;

use crate::error::{Explain, Kind};
use crate::interrupt::Interrupted;

/// The client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("the TLS set-up of this machine can't be used")]
    Tls(#[source] reqwest::Error),
    #[error("the stored credentials can't be read")]
    Credentials(#[source] rattler_networking::AuthenticationStorageError),
    #[error("ENVSHIP_HTTP_TIMEOUT is no number of seconds: `{0}`")]
    Timeout(String),
    #[error("the network runtime can't be started")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Explain for NetError {
    fn kind(&self) -> Kind {
        match self {
            NetError::Interrupted(_) => Kind::Interrupted,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            NetError::Tls(_) => Some("check the certificates that SSL_CERT_FILE or SSL_CERT_DIR name".into()),
            NetError::Credentials(_) => Some(
                "mend or remove the file that RATTLER_AUTH_FILE names, or ~/.rattler/credentials.json".into(),
            ),
            NetError::Timeout(_) => Some("unset it, or set it to a whole number above 0".into()),
            NetError::Runtime(_) => Some("raise the limits on threads and open files (`ulimit -a`)".into()),
            NetError::Interrupted(_) => None,
        }
    }
}
