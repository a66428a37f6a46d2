//! Archives at web addresses, which can be read and not published to.
//!
//! What is asked for first is the beginning, as a range (RFC 9110, 14): the
//! answer tells whether the server gives parts, and how long the archive is.
//! A `HEAD` would tell less, and addresses that are signed for `GET` refuse it.

use std::ops::Range;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode};
use reqwest_middleware::ClientWithMiddleware;
use url::Url;

use super::answer::Answer;
use super::error::Error;
use super::location::split_scheme;
use super::remote::{Parts, Remote, WINDOW};
use super::spool::Spool;
use crate::net::{self, redact};
use crate::progress::{Progress, Step};

/// The schemes, as they stand in a sentence.
pub(super) const NAMES: &str = "http:, https:";

/// How often an answer is asked for that breaks off. Until it begins the
/// client itself tries again.
const ATTEMPTS: usize = 3;

pub(super) fn is_address(text: &str) -> bool {
    split_scheme(text).is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

/// Finds the archive at an address.
pub(super) fn open(address: &str, progress: &dyn Progress) -> Result<Remote, Error> {
    let url = Url::parse(address).map_err(|source| Error::Address { url: redact(address), source })?;
    let page = Page { client: net::untouched_client()?, url };
    let beginning = retried(async || {
        let response = page.ask(Some(0..WINDOW)).await?;
        match (response.status(), extent(&response)) {
            (StatusCode::PARTIAL_CONTENT, Some(Extent { start: 0, size })) => {
                let version = Version::of(response.headers());
                let bytes = page.body(response, size.min(WINDOW)).await?;
                Ok(Beginning::Parts { version, size, bytes })
            }
            // Of an empty file no range can be given.
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => Ok(Beginning::Whole(Spool::new()?)),
            (StatusCode::OK, _) => Ok(Beginning::Whole(page.spool(response, progress).await?)),
            (StatusCode::PARTIAL_CONTENT, _) => {
                let response = page.ask(None).await?;
                Ok(Beginning::Whole(page.spool(response, progress).await?))
            }
            (status, _) => Err(page.refused(status).into()),
        }
    })?;
    match beginning {
        Beginning::Parts { version, size, bytes } => {
            Ok(Remote::new(Box::new(Web { page, version, size }), size).with_first(bytes))
        }
        Beginning::Whole(spool) => {
            progress.note(&format!(
                "the server of `{}` gives no parts of files, so all {} bytes were fetched",
                page.name(),
                spool.size()
            ));
            Ok(spool.into_remote())
        }
    }
}

enum Beginning {
    Parts { version: Version, size: u64, bytes: Vec<u8> },
    Whole(Spool),
}

/// A file of which a server gives parts.
struct Web {
    page: Page,
    version: Version,
    size: u64,
}

impl Parts for Web {
    fn part(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        retried(async || {
            let response = self.page.ask(Some(range.clone())).await?;
            let same = Some(Extent { start: range.start, size: self.size });
            match response.status() {
                StatusCode::PARTIAL_CONTENT
                    if extent(&response) == same && Version::of(response.headers()) == self.version =>
                {
                    self.page.body(response, range.end - range.start).await
                }
                StatusCode::PARTIAL_CONTENT | StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE => {
                    Err(Error::Changed { url: self.page.name() }.into())
                }
                status => Err(self.page.refused(status).into()),
            }
        })
    }
}

/// By which a file is told from what replaced it.
#[derive(PartialEq, Eq)]
struct Version(Option<Vec<u8>>);

impl Version {
    fn of(headers: &HeaderMap) -> Self {
        Version(
            headers.get(ETAG).or_else(|| headers.get(LAST_MODIFIED)).map(|value| value.as_bytes().to_vec()),
        )
    }
}

/// Of which part an answer is.
#[derive(Debug, PartialEq, Eq)]
struct Extent {
    start: u64,
    /// Of the whole, in bytes.
    size: u64,
}

/// `Content-Range: bytes 0-1023/146515`
fn extent(response: &Response) -> Option<Extent> {
    parse_extent(response.headers().get(CONTENT_RANGE)?.to_str().ok()?)
}

fn parse_extent(text: &str) -> Option<Extent> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some(Extent { start: start.trim().parse().ok()?, size: size.trim().parse().ok()? })
}

/// An answer that can't be used.
enum Failure {
    /// It broke off, and another one may not.
    BrokeOff(Error),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// A file at an address.
struct Page {
    client: ClientWithMiddleware,
    url: Url,
}

impl Page {
    /// For messages.
    fn name(&self) -> String {
        redact(self.url.as_str())
    }

    async fn ask(&self, range: Option<Range<u64>>) -> Result<Response, Failure> {
        let mut request = self.client.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        Ok(request.send().await.map_err(|error| self.failed(&error))?)
    }

    /// The body of an answer that has to have this many bytes.
    async fn body(&self, mut response: Response, length: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broke_off(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > length {
                break;
            }
        }
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        let source = Answer::busy(format!("sent {} bytes where {length} were asked for", bytes.len()));
        Err(Failure::BrokeOff(Error::Fetch { url: self.name(), source }))
    }

    async fn spool(&self, mut response: Response, progress: &dyn Progress) -> Result<Spool, Failure> {
        if response.status() != StatusCode::OK {
            return Err(self.refused(response.status()).into());
        }
        let mut spool = Spool::new()?;
        progress.begin(Step::Download, response.content_length());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broke_off(&error))? {
            spool.push(&chunk)?;
            progress.advance(chunk.len() as u64);
        }
        progress.end();
        Ok(spool)
    }

    fn refused(&self, status: StatusCode) -> Error {
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Error::Missing { url: self.name() },
            status => Error::Fetch { url: self.name(), source: Answer::of_status(status) },
        }
    }

    fn failed(&self, error: &reqwest_middleware::Error) -> Error {
        Error::Fetch { url: self.name(), source: Answer::of_transport(error) }
    }

    fn broke_off(&self, error: &reqwest::Error) -> Failure {
        Failure::BrokeOff(Error::Fetch { url: self.name(), source: Answer::of_transport(error) })
    }
}

/// Waits for an answer, and asks again if it broke off.
fn retried<T>(work: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Error> {
    net::block_on(async {
        let mut attempt = 1;
        loop {
            match work().await {
                Ok(done) => return Ok(done),
                Err(Failure::BrokeOff(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(Failure::BrokeOff(error) | Failure::Final(error)) => return Err(error),
            }
        }
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_file_is_in_the_range_that_is_given() {
        let extent = |start, size| Some(Extent { start, size });
        assert_eq!(parse_extent("bytes 0-1023/146515"), extent(0, 146_515));
        assert_eq!(parse_extent("bytes 7-7/8"), extent(7, 8));
        for text in ["bytes 0-1/*", "bytes */0", "items 0-1/2", "bytes", ""] {
            assert_eq!(parse_extent(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_told_from_paths_and_buckets() {
        for text in ["http://h/e.zip", "HTTPS://h/e.zip", "https:/typo"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["s3://b/e.zip", "http:e.zip", "file:///e.zip", "/srv/http://e.zip"] {
            assert!(!is_address(text), "{text}");
        }
    }
}
