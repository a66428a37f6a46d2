//! What a secret in a URL looks like, and texts without any.

use std::error::Error as StdError;

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
