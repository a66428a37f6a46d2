//! What a server or the network answered, reduced to what a user may see.
//!
//! The texts of `object_store` hold URLs, request ids and, for a bad signature,
//! whole canonical requests. Only the status, the S3 code and message, or the
//! innermost cause of a transport error is taken over.

use object_store::client::{HttpError, HttpErrorKind};
use reqwest::StatusCode;

use crate::error::Kind;
use crate::net::{kind_of, redact};

/// The cause of a failed request.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Answer {
    /// What to make of it.
    pub fault: Fault,
    text: String,
}

/// Whose fault a failed request is, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection, or no answer in time.
    Unreachable,
    /// 5xx, throttled, or the connection broke.
    Busy,
    /// Credentials that are wrong, expired or not enough.
    Refused,
    /// The bucket is not there.
    NoBucket,
    /// The bucket is in another region.
    OtherRegion,
    /// The object, or the upload, is not there.
    NotFound,
    /// Something is there already.
    Exists,
    /// The server doesn't know the operation.
    Unsupported,
    /// The store is full or a quota is used up.
    Full,
    /// Anything else.
    Other,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    /// Who publishes is refused by the first attempt to write, so that what is
    /// looked up by somebody without rights is to be read.
    pub fn of(action: &str) -> Self {
        if matches!(action, "look up" | "read") { Access::Read } else { Access::Write }
    }
}

impl Fault {
    pub(super) fn kind(self) -> Kind {
        match self {
            Fault::Unreachable | Fault::Busy => Kind::Retry,
            _ => Kind::Input,
        }
    }

    pub(super) fn hint(self, access: Access, endpoint: Option<&str>) -> String {
        let endpoint = endpoint.unwrap_or("the public service");
        match self {
            Fault::Unreachable => format!(
                "check that the server answers ({endpoint}; AWS_ENDPOINT_URL names another one), then try again"
            ),
            Fault::Busy => "try again in a while".to_owned(),
            Fault::Refused => {
                let wish = match access {
                    Access::Read => "read",
                    Access::Write => "write",
                };
                format!(
                    "check the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, \
                     AWS_PROFILE) and that they may {wish} there"
                )
            }
            Fault::NoBucket if access == Access::Read => {
                format!("check the name of the bucket and the server ({endpoint})")
            }
            Fault::NoBucket => format!("create the bucket, or check its name and the server ({endpoint})"),
            Fault::OtherRegion => "set AWS_REGION to the region of the bucket".to_owned(),
            Fault::Full => "free some space in the store, or publish elsewhere".to_owned(),
            Fault::NotFound | Fault::Exists | Fault::Unsupported | Fault::Other => {
                format!("check the URL and the server ({endpoint})")
            }
        }
    }

    /// The same for a web server, of which archives are only read.
    pub(super) fn hint_for_web(self) -> &'static str {
        match self {
            Fault::Unreachable => "check that the server answers, then try again",
            Fault::Busy => "try again in a while",
            Fault::Refused => {
                "sign in by ~/.netrc or the file that RATTLER_AUTH_FILE names, and check that you may read it"
            }
            _ => "check the URL",
        }
    }
}

impl Answer {
    /// The same, judged by somebody who knows more.
    pub(super) fn about(self, fault: Fault) -> Self {
        Answer { fault, ..self }
    }

    pub(super) fn new(fault: Fault, text: impl Into<String>) -> Self {
        Answer { fault, text: text.into() }
    }

    /// A server's trouble, told in our words.
    pub(super) fn busy(text: String) -> Self {
        Answer::new(Fault::Busy, text)
    }

    /// A web server's refusal.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let text = status.to_string();
        Answer::new(fault_of_status(&text).unwrap_or(Fault::Other), text)
    }

    /// A web server that can't be reached, or stopped to answer.
    pub(super) fn of_transport(error: &(dyn std::error::Error + 'static)) -> Self {
        let fault = match kind_of(error) {
            Kind::Retry if begins(error) => Fault::Busy,
            Kind::Retry => Fault::Unreachable,
            _ => Fault::Other,
        };
        Answer::new(fault, redact(&innermost(error)))
    }

    /// Reads the error of an object store.
    pub(super) fn of(error: &object_store::Error) -> Self {
        if let Some(transport) = transport(error) {
            return transport;
        }
        // The texts are nested; the status and the body are in the longest.
        let text = error.to_string();
        let status = between(&text, "status code: ", ":").or_else(|| redirect(&text)).unwrap_or("");
        let code = between(&text, "<Code>", "</Code>").unwrap_or("");
        let message = between(&text, "<Message>", "</Message>").unwrap_or("");
        let told: Vec<_> =
            [status, code, message].into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
        let fault = match fault_of_code(code) {
            Fault::Other => fault_of_status(status).unwrap_or_else(|| fault_of_variant(error)),
            fault => fault,
        };
        Answer { fault, text: if told.is_empty() { innermost(error) } else { told.join(": ") } }
    }
}

/// Whether an answer had begun.
fn begins(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(|error| error.is_body() || error.is_decode())
}

/// A connection that failed.
fn transport(error: &object_store::Error) -> Option<Answer> {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(found) = cause.downcast_ref::<HttpError>() {
            let fault = match found.kind() {
                HttpErrorKind::Connect | HttpErrorKind::Timeout => Fault::Unreachable,
                _ => Fault::Busy,
            };
            let text = innermost(found);
            return Some(Answer::new(
                fault,
                if found.kind() == HttpErrorKind::Timeout { format!("timed out: {text}") } else { text },
            ));
        }
        cause = cause.source()?;
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// S3's own codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn fault_of_code(code: &str) -> Fault {
    match code {
        "NoSuchBucket" | "InvalidBucketName" => Fault::NoBucket,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Fault::OtherRegion,
        "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied" => {
            Fault::Refused
        }
        "SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" | "OperationAborted" => {
            Fault::Busy
        }
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => Fault::Full,
        "NotImplemented" => Fault::Unsupported,
        _ => Fault::Other,
    }
}

fn fault_of_status(status: &str) -> Option<Fault> {
    let number: u16 = status.split_whitespace().next()?.parse().ok()?;
    Some(match number {
        301 | 307 => Fault::OtherRegion,
        401 | 403 => Fault::Refused,
        404 => Fault::NotFound,
        409 | 412 => Fault::Exists,
        501 => Fault::Unsupported,
        507 => Fault::Full,
        408 | 429 | 500.. => Fault::Busy,
        _ => Fault::Other,
    })
}

fn fault_of_variant(error: &object_store::Error) -> Fault {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => Fault::NotFound,
        E::AlreadyExists { .. } | E::Precondition { .. } => Fault::Exists,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => Fault::Refused,
        E::NotImplemented { .. } | E::NotSupported { .. } => Fault::Unsupported,
        _ => Fault::Other,
    }
}

/// A redirect without a target is how S3 says that the region is wrong.
fn redirect(text: &str) -> Option<&'static str> {
    text.contains("redirect without LOCATION").then_some("301 Moved Permanently")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `object_store` words an answer of a server.
    fn answer(status: &str, body: &str) -> Answer {
        let text = format!(
            "Error performing PUT http://127.0.0.1:1/b/k in 3ms - Server returned non-2xx status code: {status}: {body}"
        );
        Answer::of(&object_store::Error::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn a_signature_error_shows_no_canonical_request() {
        let answer = answer(
            "403 Forbidden",
            "<Error><Code>SignatureDoesNotMatch</Code><Message>Wrong signature</Message>\
             <StringToSign>AWS4-HMAC x</StringToSign><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>",
        );
        assert_eq!(answer.to_string(), "403 Forbidden: SignatureDoesNotMatch: Wrong signature");
        assert_eq!(answer.fault, Fault::Refused);
    }

    #[test]
    fn the_code_counts_more_than_the_status() {
        assert_eq!(answer("404 Not Found", "<Code>NoSuchBucket</Code>").fault, Fault::NoBucket);
        assert_eq!(answer("404 Not Found", "<Code>NoSuchUpload</Code>").fault, Fault::NotFound);
        assert_eq!(answer("400 Bad Request", "<Code>ExpiredToken</Code>").fault, Fault::Refused);
        assert_eq!(answer("400 Bad Request", "<Code>EntityTooLarge</Code>").fault, Fault::Other);
        assert_eq!(answer("301 Moved Permanently", "").fault, Fault::OtherRegion);
    }

    #[test]
    fn only_the_servers_own_trouble_is_worth_another_try() {
        for (status, kind) in [
            ("500 Internal Server Error", Kind::Retry),
            ("503 Slow Down", Kind::Retry),
            ("429 Too Many Requests", Kind::Retry),
            ("507 Insufficient Storage", Kind::Input),
            ("501 Not Implemented", Kind::Input),
            ("403 Forbidden", Kind::Input),
            ("400 Bad Request", Kind::Input),
        ] {
            assert_eq!(answer(status, "").fault.kind(), kind, "{status}");
        }
    }
}
