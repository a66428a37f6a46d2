//! The one HTTP client: it retries, revalidates and signs in.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rattler_networking::retry_policies::{RetryDecision, RetryPolicy, default_retry_policy};
use rattler_networking::{AuthenticationMiddleware, AuthenticationStorage};
use reqwest::header::{ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};

use super::error::NetError;
use super::fault::{kind_of, kind_of_status};
use crate::error::Kind;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long it may take to send the next bytes, unless `ENVSHIP_HTTP_TIMEOUT`
/// says otherwise, in seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

fn read_timeout() -> Result<Duration, NetError> {
    let Ok(text) = std::env::var("ENVSHIP_HTTP_TIMEOUT") else { return Ok(READ_TIMEOUT) };
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(NetError::Timeout(text)),
    }
}

/// The HTTP client of the whole process: retries what is worth retrying and
/// signs in with what rattler knows (`RATTLER_AUTH_FILE`,
/// `~/.rattler/credentials.json`, `~/.netrc` or `$NETRC`).
///
/// # Errors
/// If the certificates, the stored credentials or `ENVSHIP_HTTP_TIMEOUT` can't
/// be read.
pub fn client() -> Result<ClientWithMiddleware, NetError> {
    static CLIENT: OnceLock<ClientWithMiddleware> = OnceLock::new();
    kept(&CLIENT, |builder| builder)
}

/// The same for files that are wanted as they lie on the server: one that
/// tells of a `.tar.gz` that it is encoded by gzip gets nothing decoded.
///
/// # Errors
/// As [`client`].
pub fn untouched_client() -> Result<ClientWithMiddleware, NetError> {
    static CLIENT: OnceLock<ClientWithMiddleware> = OnceLock::new();
    kept(&CLIENT, |builder| builder.no_gzip().no_deflate())
}

fn kept(
    place: &OnceLock<ClientWithMiddleware>,
    adapt: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<ClientWithMiddleware, NetError> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let builder = reqwest::Client::builder()
        .user_agent(concat!("envship/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read_timeout()?);
    let plain = adapt(builder).build().map_err(NetError::Tls)?;
    let credentials = AuthenticationStorage::from_env_and_defaults().map_err(NetError::Credentials)?;
    // Outermost first: every attempt signs in anew.
    let client = ClientBuilder::new(plain)
        .with(Retrying)
        .with(Revalidating)
        .with(AuthenticationMiddleware::from_auth_storage(credentials))
        .build();
    Ok(place.get_or_init(|| client).clone())
}

/// Sends a request again that met a dropped connection or a busy server.
struct Retrying;

#[async_trait::async_trait]
impl Middleware for Retrying {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let policy = default_retry_policy();
        let started = SystemTime::now();
        for attempt in 0.. {
            // A body that is a stream can be sent once only.
            let Some(copy) = request.try_clone() else { break };
            let result = next.clone().run(copy, extensions).await;
            let worth_it = match &result {
                Ok(response) => kind_of_status(response.status()) == Kind::Retry,
                Err(reqwest_middleware::Error::Reqwest(error)) => kind_of(error) == Kind::Retry,
                Err(reqwest_middleware::Error::Middleware(_)) => false,
            };
            // A server that took its time to say nothing gets one more chance only.
            let silent =
                matches!(&result, Err(reqwest_middleware::Error::Reqwest(error)) if error.is_timeout());
            if silent && attempt > 0 {
                return result;
            }
            match policy.should_retry(started, attempt) {
                RetryDecision::Retry { execute_after } if worth_it => {
                    let pause = execute_after.duration_since(SystemTime::now()).unwrap_or_default();
                    tokio::time::sleep(pause).await;
                }
                _ => return result,
            }
        }
        next.run(request, extensions).await
    }
}

/// Repeats in a `304 Not Modified` what the request asked about. Servers may
/// leave it out (RFC 9110, 15.4.5; Python's `http.server` does), and rattler
/// takes such an answer for another file, without a body.
struct Revalidating;

#[async_trait::async_trait]
impl Middleware for Revalidating {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let asked = request.headers().clone();
        let mut response = next.run(request, extensions).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            repeat_validators(&asked, response.headers_mut());
        }
        Ok(response)
    }
}

fn repeat_validators(asked: &HeaderMap, answered: &mut HeaderMap) {
    let time = asked.get(IF_MODIFIED_SINCE);
    // Of several tags, the one that matched is not known.
    let tag = asked.get(IF_NONE_MATCH).filter(|value| !value.as_bytes().contains(&b','));
    for (validator, value) in [(LAST_MODIFIED, time), (ETAG, tag)] {
        if let Some(value) = value {
            answered.entry(validator).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_file_keeps_its_validators() {
        let headers = |pairs: &[(reqwest::header::HeaderName, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect::<HeaderMap>()
        };
        let asked =
            headers(&[(IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 16:00:00 GMT"), (IF_NONE_MATCH, "\"a\", \"b\"")]);
        let mut answered = HeaderMap::new();
        repeat_validators(&asked, &mut answered);
        assert_eq!(answered, headers(&[(LAST_MODIFIED, "Sat, 21 Nov 2026 16:00:00 GMT")]));
        let mut complete = headers(&[(LAST_MODIFIED, "Sun, 22 Nov 2026 16:00:00 GMT")]);
        repeat_validators(&asked, &mut complete);
        assert_eq!(complete[LAST_MODIFIED], "Sun, 22 Nov 2026 16:00:00 GMT");
    }
}
