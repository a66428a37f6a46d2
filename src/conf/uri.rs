//! The archive's URI, as an engine has to be given it.

use url::Url;

use super::error::Error;
use crate::artifact::Format;

/// Makes the URI one that Hadoop's file systems read, with a note where that
/// changed it.
pub(super) fn mend(uri: &str, format: Format, notes: &mut Vec<String>) -> Result<String, Error> {
    let authority = uri.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(Error::Credentials);
    }
    let bad = |problem| Error::Uri { uri: uri.split('?').next().unwrap_or(uri).to_owned(), problem };
    if uri.contains('?') {
        return Err(bad("has a query, which engines take for a part of the name"));
    }
    let uri = &lower_scheme(uri);
    let mended = match uri.split_once("://") {
        Some((scheme @ ("s3" | "s3n"), rest)) => {
            notes.push(format!("{scheme}:// became s3a://, the one that Hadoop's own connector reads"));
            format!("s3a://{rest}")
        }
        Some(_) => uri.to_owned(),
        None if uri.starts_with("file:/") => uri.replacen("file:", "file://", 1),
        None => {
            let url = Url::from_file_path(uri)
                .map_err(|()| Error::Relative { what: "archive", path: uri.to_owned() })?;
            url.into()
        }
    };
    if mended.contains('#') {
        return Err(bad("has a `#` already, which stands before the alias"));
    }
    if mended.contains(',') {
        return Err(bad("holds a comma, which separates archives"));
    }
    if mended.contains(|c: char| c.is_whitespace() || c.is_control() || "*?[]{}\\".contains(c)) {
        return Err(bad("holds a space or a character that Spark takes for a pattern"));
    }
    if Format::of_name(&mended) != Some(format) {
        return Err(bad("doesn't end like its format, by which engines choose how to unpack it"));
    }
    Ok(mended)
}

/// Schemes are the same in any case (RFC 3986), but Hadoop looks them up as they
/// are written.
fn lower_scheme(uri: &str) -> String {
    match uri.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => uri.to_owned(),
    }
}

/// Whether the archive lies on the machine that submits.
pub(super) fn is_local(uri: &str) -> bool {
    uri.starts_with("file:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(uri: &str) -> Result<(String, usize), Error> {
        let mut notes = Vec::new();
        mend(uri, Format::TarGz, &mut notes).map(|uri| (uri, notes.len()))
    }

    #[test]
    fn hadoop_gets_the_scheme_that_it_knows() {
        for (uri, expected, notes) in [
            ("s3://b/e.tar.gz", "s3a://b/e.tar.gz", 1),
            ("s3n://b/e.tgz", "s3a://b/e.tgz", 1),
            ("S3A://b/e.tgz", "s3a://b/e.tgz", 0),
            ("s3a://b/e.tar.gz", "s3a://b/e.tar.gz", 0),
            ("hdfs:///envs/e.tar.gz", "hdfs:///envs/e.tar.gz", 0),
            ("/srv/a b/e.tar.gz", "file:///srv/a%20b/e.tar.gz", 0),
            ("file:/srv/e.tar.gz", "file:///srv/e.tar.gz", 0),
        ] {
            assert_eq!(mended(uri).unwrap(), (expected.to_owned(), notes));
        }
    }

    #[test]
    fn what_an_engine_would_misread_is_refused() {
        for uri in [
            "e.tar.gz",
            "../e.tar.gz",
            "s3a://b/e.tar.gz#env",
            "s3a://b/a,e.tar.gz",
            "s3a://b/a b.tar.gz",
            "s3a://b/*.tar.gz",
            "s3a://b/e.zip",
            "s3a://b/e",
            "",
        ] {
            assert!(mended(uri).is_err(), "{uri}");
        }
    }
}
