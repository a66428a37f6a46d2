//! URLs without what nobody else may know: credentials, and places on this
//! machine.

use url::Url;

/// Whether a URL names a place on this machine.
pub(super) fn is_local(text: &str) -> bool {
    text.trim_start().to_ascii_lowercase().starts_with("file:")
}

/// The URL without passwords, user names, tokens in its path (`/t/TOKEN/`, as
/// conda writes them) and query. `git@` and other lone users of SSH are names
/// of services and stay (PEP 610).
pub(super) fn without_credentials(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    let ssh = url.scheme().ends_with("ssh");
    let service = url.password().is_none() && (ssh || url.username() == "git");
    // These fail for URLs without a host, which have no users either.
    let _ = url.set_password(None);
    if !service {
        let _ = url.set_username("");
    }
    url.set_query(None);
    let path = without_token(url.path());
    url.set_path(&path);
    let clean = url.to_string();
    // A URL that held nothing keeps its spelling.
    if clean.trim_end_matches('/') == text.trim_end_matches('/') { text.to_owned() } else { clean }
}

fn without_token(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    while let Some(at) = parts.iter().position(|part| *part == "t").filter(|at| at + 1 < parts.len()) {
        parts.drain(at..=at + 1);
    }
    parts.join("/")
}

/// Cleans every URL in a text. Of those of this machine only what is below a
/// channel (`linux-64/x.conda`) stays.
pub(super) fn text(text: &str) -> String {
    let ends = |symbol: char| {
        symbol.is_whitespace() || matches!(symbol, '\'' | '"' | '[' | ']' | ',' | '(' | ')' | '<' | '>')
    };
    let mut clean = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends).unwrap_or(rest.len());
        clean.push_str(&word(&rest[..end]));
        let after = rest[end..].chars().next().map_or(end, |symbol| end + symbol.len_utf8());
        clean.push_str(&rest[end..after]);
        rest = &rest[after..];
    }
    clean
}

/// The place of packages that came from a folder of this machine.
const CHANNEL: &str = "file:///channel";

fn word(word: &str) -> String {
    // History lines begin with a sign, match specs may hold `channel::name`.
    let Some(at) =
        ["file:", "http:", "https:", "s3:", "oci:"].iter().filter_map(|scheme| word.find(scheme)).min()
    else {
        return word.to_owned();
    };
    let (sign, url) = word.split_at(at);
    let (url, spec) = url.split_at(url.find("::").unwrap_or(url.len()));
    if !is_local(url) {
        return format!("{sign}{}{spec}", without_credentials(url));
    }
    let mut names = url.trim_end_matches('/').rsplit('/');
    let last = names.next().unwrap_or_default();
    let kept = if last.ends_with(".conda") || last.ends_with(".tar.bz2") {
        format!("/{}/{last}", names.next().unwrap_or_default())
    } else if is_subdir(last) {
        format!("/{last}")
    } else {
        String::new()
    };
    format!("{sign}{CHANNEL}{kept}{spec}")
}

/// `noarch`, `linux-64`: the folders of a channel.
fn is_subdir(name: &str) -> bool {
    name == "noarch" || ["linux-", "osx-", "win-"].iter().any(|system| name.starts_with(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_tokens_go_and_services_stay() {
        for (given, expected) in [
            ("https://u:secret@host/simple/", "https://host/simple/"),
            ("https://secret@host/x.whl#sha256=1", "https://host/x.whl#sha256=1"),
            ("https://host/t/tk-secret/chan/linux-64/x.conda", "https://host/chan/linux-64/x.conda"),
            ("https://bucket/x.whl?X-Amz-Signature=secret", "https://bucket/x.whl"),
            ("ssh://git@host/repo.git", "ssh://git@host/repo.git"),
            ("https://git@host/repo.git", "https://git@host/repo.git"),
            ("https://host", "https://host"),
            ("conda-forge", "conda-forge"),
        ] {
            assert_eq!(without_credentials(given), expected);
        }
    }

    #[test]
    fn urls_are_found_in_text() {
        let line = "+https://u:p@host/chan/linux-64::numpy-1-0 'file:///home/me/c/noarch/x.conda', file:///home/me/c";
        let expected =
            "+https://host/chan/linux-64::numpy-1-0 'file:///channel/noarch/x.conda', file:///channel";
        assert_eq!(text(line), expected);
    }

    #[test]
    fn a_spec_with_a_local_channel_keeps_its_name() {
        assert_eq!(text("file:///home/me/channel::numpy"), "file:///channel::numpy");
        assert_eq!(
            text("+file:///home/me/channel/linux-64::numpy-1-0"),
            "+file:///channel/linux-64::numpy-1-0"
        );
    }
}
