//! The network: one HTTP client, one way to wait for it, one judge of its
//! errors, and the only place that knows what a secret in a URL looks like.
//!
//! Everything that is shown to a user and may hold a URL goes through
//! [`redact`]: messages of servers and of child processes included.

use std::error::Error as StdError;
use std::io::{self, ErrorKind as Io};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rattler_networking::retry_policies::{RetryDecision, RetryPolicy, default_retry_policy};
use rattler_networking::{AuthenticationMiddleware, AuthenticationStorage};
use reqwest::header::{ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};

use crate::error::{Explain, Kind};
use crate::interrupt::{self, Interrupted};

/// How long a server may take to accept a connection, and to send the next bytes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// The client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("the TLS set-up of this machine can't be used")]
    Tls(#[source] reqwest::Error),
    #[error("the stored credentials can't be read")]
    Credentials(#[source] rattler_networking::AuthenticationStorageError),
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
            NetError::Runtime(_) => Some("raise the limits on threads and open files (`ulimit -a`)".into()),
            NetError::Interrupted(_) => None,
        }
    }
}

/// The HTTP client of the whole process: retries what is worth retrying and
/// signs in with what rattler knows (`RATTLER_AUTH_FILE`,
/// `~/.rattler/credentials.json`, `~/.netrc` or `$NETRC`).
///
/// # Errors
/// If the certificates or the stored credentials can't be read.
pub fn client() -> Result<ClientWithMiddleware, NetError> {
    static CLIENT: OnceLock<ClientWithMiddleware> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let plain = reqwest::Client::builder()
        .user_agent(concat!("envship/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
        .map_err(NetError::Tls)?;
    let credentials = AuthenticationStorage::from_env_and_defaults().map_err(NetError::Credentials)?;
    // Outermost first: every attempt signs in anew.
    let client = ClientBuilder::new(plain)
        .with(Retrying)
        .with(Revalidating)
        .with(AuthenticationMiddleware::from_auth_storage(credentials))
        .build();
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// Runs asynchronous work to its end, or until the user presses Ctrl-C: then
/// the work is dropped, and what it had staged is removed.
///
/// # Errors
/// If no threads can be started, or the user interrupts.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, NetError> {
    Ok(finish(interrupt::race(work))??)
}

/// Runs asynchronous work to its end whatever the user presses: for what would
/// leave a mess when dropped halfway.
///
/// # Errors
/// If no threads can be started.
pub fn finish<T>(work: impl Future<Output = T>) -> Result<T, NetError> {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = if let Some(runtime) = RUNTIME.get() {
        runtime
    } else {
        let made =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(NetError::Runtime)?;
        RUNTIME.get_or_init(|| made)
    };
    Ok(runtime.block_on(work))
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

/// What stands where a secret was.
const MASK: &str = "****";

/// Hides the secrets of every URL in a text: user and password, the token of
/// a conda channel (`/t/<token>/`), and all values of a query.
///
/// The user name goes too, since it is often the token itself; only
/// `ssh://git@…`, which names an account, keeps it.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = from.find(ends_url).unwrap_or(from.len());
        let (url, after) = from.split_at(end);
        match &before[..at] {
            // A path on this machine signs nobody in.
            scheme if scheme.ends_with("file") => shown.push_str(url),
            scheme => redact_after_scheme(url, scheme.ends_with("ssh"), &mut shown),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>')
}

/// `authority[/path][?query][#fragment]`.
fn redact_after_scheme(url: &str, scheme_is_ssh: bool, shown: &mut String) {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, rest) = url.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((user, host)) if !scheme_is_ssh || user.contains(':') => {
            shown.push_str(MASK);
            shown.push('@');
            shown.push_str(host);
        }
        _ => shown.push_str(authority),
    }
    let (rest, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let mut token_follows = false;
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            shown.push('/');
        }
        shown.push_str(if token_follows && !segment.is_empty() { MASK } else { segment });
        token_follows = segment == "t";
    }
    if let Some(query) = query.strip_prefix('?') {
        for (index, pair) in query.split('&').enumerate() {
            shown.push(if index == 0 { '?' } else { '&' });
            // What has no key is a secret as a whole.
            let key = pair.split_once('=').map(|(key, _)| format!("{key}="));
            shown.push_str(key.as_deref().unwrap_or_default());
            shown.push_str(if pair.is_empty() { "" } else { MASK });
        }
    }
    shown.push_str(fragment);
}

/// A URL as it is without signing in: no user, no password, no token of a
/// conda channel, no query. What is no URL is only redacted.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return redact(url) };
    // `ssh://git@…` names an account, and needs it. The setters fail only
    // where a URL can't hold what is removed.
    if url.password().is_some() || !url.scheme().ends_with("ssh") {
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.set_query(None);
    let path = url.path().to_owned();
    if url.has_host()
        && let Some((before, after)) = path.split_once("/t/")
    {
        let after = after.split_once('/').map_or("", |(_, rest)| rest);
        url.set_path(&format!("{before}/{after}"));
    }
    url.into()
}

/// An error of a library as text without secrets: libraries put the URL they
/// were asked for into their messages.
#[derive(Debug)]
pub struct Redacted {
    text: String,
    source: Option<Box<Redacted>>,
}

impl Redacted {
    /// The error and all its causes. A cause that only repeats what the error
    /// above it said is left out.
    #[must_use]
    pub fn new(error: &(dyn StdError + 'static)) -> Self {
        let text = redact(&error.to_string());
        let mut cause = error.source();
        while cause.is_some_and(|cause| text.contains(&redact(&cause.to_string()))) {
            cause = cause.and_then(StdError::source);
        }
        Redacted { text, source: cause.map(|cause| Box::new(Redacted::new(cause))) }
    }

    /// A text that a library or a child process gave.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Redacted { text: redact(text), source: None }
    }
}

impl std::fmt::Display for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Redacted {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_passwords_tokens_and_queries_are_hidden_and_hosts_are_not() {
        for (given, shown) in [
            ("https://me:pa@ss@example.org/simple", "https://****@example.org/simple"),
            ("https://ghp_123@example.org/x.git", "https://****@example.org/x.git"),
            ("git+ssh://git@example.org/x.git@v1", "git+ssh://git@example.org/x.git@v1"),
            ("ssh://git:secret@example.org/x", "ssh://****@example.org/x"),
            ("https://example.org/t/tk-123/main/noarch", "https://example.org/t/****/main/noarch"),
            ("https://example.org/t/tk-123", "https://example.org/t/****"),
            (
                "https://example.org/a?X-Sig=1&n=2#sha256=ab",
                "https://example.org/a?X-Sig=****&n=****#sha256=ab",
            ),
            ("file:///home/t/channel/x", "file:///home/t/channel/x"),
            ("https://example.org/a?secret", "https://example.org/a?****"),
            ("no url at all: user@example.org", "no url at all: user@example.org"),
        ] {
            assert_eq!(redact(given), shown);
        }
    }

    #[test]
    fn every_url_of_a_text_is_redacted() {
        assert_eq!(
            redact("tried `https://a:b@x/` and 'http://c:d@y/t/z/' (://e:f@z) end"),
            "tried `https://****@x/` and 'http://****@y/t/****/' (://****@z) end"
        );
    }

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

    #[test]
    fn urls_are_stripped_of_all_that_signs_in() {
        for (url, stripped) in [
            ("https://me:pw@h/conda/t/tk-1/main/noarch/a.conda?sig=1", "https://h/conda/main/noarch/a.conda"),
            ("https://h/t/tk/main", "https://h/main"),
            ("ssh://git@h/p.git", "ssh://git@h/p.git"),
            ("file:///srv/t/channel/", "file:///srv/t/channel/"),
            ("conda-forge", "conda-forge"),
        ] {
            assert_eq!(without_secrets(url), stripped);
        }
    }

    proptest::proptest! {
        #[test]
        fn redacting_twice_changes_nothing(text in "[a-z:/@?&=#t ]{0,60}") {
            let once = redact(&text);
            proptest::prop_assert_eq!(redact(&once), once);
        }

        #[test]
        fn a_password_never_survives(user in "[a-z]{1,8}", password in "[A-Z0-9@:]{6,12}", path in "[a-z/]{0,10}") {
            let shown = redact(&format!("error: https://{user}:{password}@host/{path} failed"));
            proptest::prop_assert!(!shown.contains(&password));
        }
    }
}
