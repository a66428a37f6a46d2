//! Whose fault an error of the network is.

use std::error::Error as StdError;
use std::io::{self, ErrorKind as Io};

use reqwest::StatusCode;

use crate::error::Kind;

/// Whose fault an HTTP status is. Only a server that is broken or busy is
/// worth another try; a missing page or a refused sign-in stays what it is.
#[must_use]
pub fn kind_of_status(status: StatusCode) -> Kind {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Kind::Retry,
        status if status.is_server_error() => Kind::Retry,
        _ => Kind::Input,
    }
}

/// Whose fault an error is, by the causes below it: [`Kind::Retry`] for a
/// network or server at fault, else [`Kind::Input`].
#[must_use]
pub fn kind_of(error: &(dyn StdError + 'static)) -> Kind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(kind) = kind_of_one(error) {
            return kind;
        }
        cause = error.source();
    }
    Kind::Input
}

/// Whether a disk is full, by the causes of an error.
#[must_use]
pub fn is_full(error: &(dyn StdError + 'static)) -> bool {
    let is_full_itself = |error: &io::Error| matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded);
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An I/O error skips what it wraps when asked for its source.
        if let Some(io) = error.downcast_ref::<io::Error>()
            && (is_full_itself(io) || io.get_ref().is_some_and(|inner| is_full(inner)))
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn kind_of_one(error: &(dyn StdError + 'static)) -> Option<Kind> {
    if let Some(error) = error.downcast_ref::<reqwest_middleware::Error>() {
        return match error {
            reqwest_middleware::Error::Reqwest(error) => kind_of_one(error),
            // `anyhow` hides the outermost error from `source`.
            reqwest_middleware::Error::Middleware(error) => error.chain().find_map(kind_of_one),
        };
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        if let Some(status) = error.status() {
            return Some(kind_of_status(status));
        }
        let network = error.is_connect()
            || error.is_timeout()
            || error.is_request()
            // A connection that is dropped halfway.
            || error.is_body()
            || error.is_decode();
        return network.then_some(Kind::Retry);
    }
    let error = error.downcast_ref::<io::Error>()?;
    // An I/O error skips what it wraps when asked for its source.
    if let Some(kind) = error.get_ref().and_then(|inner| kind_of_one(inner)) {
        return Some(kind);
    }
    match error.kind() {
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::TimedOut
        | Io::UnexpectedEof => Some(Kind::Retry),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_worth_another_try_and_a_missing_file_is_not() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(kind_of(&refused), Kind::Retry);
        assert_eq!(kind_of(&io::Error::other(refused)), Kind::Retry);
        assert_eq!(kind_of(&io::Error::from(io::ErrorKind::NotFound)), Kind::Input);
    }

    #[test]
    fn a_busy_server_is_worth_another_try_and_a_refused_sign_in_is_not() {
        assert_eq!(kind_of_status(StatusCode::SERVICE_UNAVAILABLE), Kind::Retry);
        assert_eq!(kind_of_status(StatusCode::TOO_MANY_REQUESTS), Kind::Retry);
        assert_eq!(kind_of_status(StatusCode::UNAUTHORIZED), Kind::Input);
        assert_eq!(kind_of_status(StatusCode::NOT_FOUND), Kind::Input);
    }
}
