//! Where an archive goes or lies: a URL of a kind that a [`super::scheme`]
//! knows, or a local path.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::error::Error;
use super::scheme;

/// A place for archives, or one archive in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub(super) place: Place,
    is_directory: bool,
}

/// The two families of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A path on this machine: as it was typed, and absolute.
    Local { typed: String, path: PathBuf },
    /// An object or a prefix in a bucket.
    Bucket {
        /// As it was typed, in lower case: engines tell `s3` from `s3a`.
        scheme: String,
        bucket: String,
        /// Without a leading slash; ends in one, or is empty, for a directory.
        key: String,
    },
}

impl Location {
    /// Reads `file:///srv/envs/`, a local path, or the URL of a bucket.
    ///
    /// Looks at the file system only to see whether a local path is an existing
    /// directory. Never repeats a password of the URL in its errors.
    ///
    /// # Errors
    /// If the scheme is unknown, the bucket is missing, a user or password is
    /// given, or the key holds characters that an engine would misread.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return Self::local(text, Path::new(text));
        };
        let scheme = scheme.to_ascii_lowercase();
        if scheme == scheme::FILE {
            return Self::file_url(text, rest);
        }
        if scheme::find(&scheme).is_none() {
            return Err(Error::UnknownScheme { scheme, known: scheme::known() });
        }
        Self::bucket(text, scheme, rest)
    }

    fn local(typed: &str, path: &Path) -> Result<Self, Error> {
        if typed.is_empty() {
            return Err(Error::Url { url: String::new(), problem: "is empty" });
        }
        if (typed == "~" || typed.starts_with("~/")) && !path.exists() {
            return Err(Error::Tilde { path: typed.to_owned() });
        }
        let absolute = std::path::absolute(path).map_err(|source| Error::Local {
            action: "find",
            path: path.to_owned(),
            source,
        })?;
        let is_directory = typed.ends_with('/') || absolute.is_dir();
        Ok(Location { place: Place::Local { typed: typed.to_owned(), path: absolute }, is_directory })
    }

    fn file_url(text: &str, rest: &str) -> Result<Self, Error> {
        let bad = |problem| Error::Url { url: text.to_owned(), problem };
        let path = match rest.strip_prefix("//") {
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            None => rest,
        };
        if path.split('/').next().is_some_and(|host| host.contains('@')) {
            return Err(Error::UrlCredentials { scheme: scheme::FILE.to_owned() });
        }
        if !path.starts_with('/') {
            return Err(bad("has no absolute path; a file URL has three slashes"));
        }
        if path.contains(['#', '?']) {
            return Err(bad("holds a `#` or `?`; write them as %23 and %3F"));
        }
        let path = Url::parse(&format!("file://{path}"))
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(|| bad("is no file URL"))?;
        Self::local(text, &path)
    }

    fn bucket(text: &str, scheme: String, rest: &str) -> Result<Self, Error> {
        // However many slashes were typed, a password is none to be repeated.
        if rest.trim_start_matches('/').split('/').next().is_some_and(|host| host.contains('@')) {
            return Err(Error::UrlCredentials { scheme });
        }
        let bad = |problem| Error::Url { url: text.to_owned(), problem };
        let rest = rest.strip_prefix("//").ok_or_else(|| bad("has one slash where a URL has two"))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(bad("names no bucket"));
        }
        if !bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(bad("names a bucket with characters that no bucket has"));
        }
        if !key.bytes().all(is_plain) {
            return Err(bad("holds characters that object stores and engines read differently; \
                 use ASCII letters, digits and any of `-_.=+@~/`"));
        }
        let folders = key.strip_suffix('/').unwrap_or(key);
        if !folders.is_empty() && folders.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("holds an empty, `.` or `..` part"));
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let is_directory = key.is_empty() || key.ends_with('/');
        Ok(Location { place: Place::Bucket { scheme, bucket, key }, is_directory })
    }

    /// Whether this is a URL, of whatever kind, and no path.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        split_scheme(text).is_some()
    }

    /// Whether archives go into it under names of their own: it ends in `/`,
    /// is a whole bucket, or a local directory that exists.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// The name of the archive, unless it is a directory.
    #[must_use]
    pub fn file_name(&self) -> Option<Cow<'_, str>> {
        if self.is_directory {
            return None;
        }
        match &self.place {
            Place::Local { path, .. } => path.file_name().map(|name| name.to_string_lossy()),
            Place::Bucket { key, .. } => key.rsplit('/').next().map(Cow::Borrowed),
        }
    }

    /// The archive `name` in this directory.
    #[must_use]
    pub fn join(&self, name: &str) -> Location {
        let slash = |text: &str| if text.is_empty() || text.ends_with('/') { "" } else { "/" };
        let place = match &self.place {
            Place::Local { typed, path } => {
                Place::Local { typed: format!("{typed}{}{name}", slash(typed)), path: path.join(name) }
            }
            Place::Bucket { scheme, bucket, key } => Place::Bucket {
                scheme: scheme.clone(),
                bucket: bucket.clone(),
                key: format!("{key}{}{name}", slash(key)),
            },
        };
        Location { place, is_directory: false }
    }

    /// The directory that holds the archive; a directory is its own.
    #[must_use]
    pub fn directory(&self) -> Location {
        if self.is_directory {
            return self.clone();
        }
        let place = match &self.place {
            Place::Local { typed, path } => {
                let parent = path.parent().unwrap_or(path);
                let typed = match typed.rsplit_once('/') {
                    Some((folder, _)) => format!("{folder}/"),
                    None => "./".to_owned(),
                };
                Place::Local { typed, path: parent.to_owned() }
            }
            Place::Bucket { scheme, bucket, key } => {
                let folder = key.rfind('/').map_or("", |end| &key[..=end]);
                Place::Bucket { scheme: scheme.clone(), bucket: bucket.clone(), key: folder.to_owned() }
            }
        };
        Location { place, is_directory: true }
    }

    /// As an engine has to be given it: local paths become absolute,
    /// percent-encoded `file:///` URLs.
    #[must_use]
    pub fn uri(&self) -> String {
        match &self.place {
            Place::Local { path, .. } => {
                let url = if self.is_directory {
                    Url::from_directory_path(path)
                } else {
                    Url::from_file_path(path)
                };
                url.map_or_else(|()| format!("file://{}", path.display()), String::from)
            }
            Place::Bucket { .. } => self.to_string(),
        }
    }

    /// The absolute path, if it is on this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Local { path, .. } => Some(path),
            Place::Bucket { .. } => None,
        }
    }
}

/// As it was typed; never holds a secret, since URLs with one are refused.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local { typed, .. } => f.write_str(typed),
            Place::Bucket { scheme, bucket, key } => write!(f, "{scheme}://{bucket}/{key}"),
        }
    }
}

/// The scheme and what follows its colon, of `scheme:/…`. A colon alone doesn't
/// make a URL, since it may stand in the name of a file.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (is_scheme && rest.starts_with('/')).then_some((scheme, rest))
}

/// Bytes of a key that mean the same in an object store, in a Hadoop path, in a
/// glob, in a comma-separated list and in a URI before its `#alias`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+@~/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, Kind};

    fn parse(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn the_scheme_of_a_bucket_is_kept_for_the_engine() {
        for text in ["s3://b/envs/", "s3a://b/envs/", "s3n://b/envs/"] {
            let location = parse(text);
            assert!(location.is_directory());
            assert_eq!(location.to_string(), text);
            assert_eq!(location.join("e.tar.gz").to_string(), format!("{text}e.tar.gz"));
        }
        assert_eq!(parse("S3A://b/e.zip").to_string(), "s3a://b/e.zip");
    }

    #[test]
    fn a_bucket_alone_is_a_directory() {
        for text in ["s3://b", "s3://b/"] {
            let location = parse(text);
            assert!(location.is_directory(), "{text}");
            assert_eq!(location.join("e.zip").to_string(), "s3://b/e.zip");
        }
    }

    #[test]
    fn an_archive_knows_its_name_and_its_directory() {
        let archive = parse("s3a://b/envs/e.tar.gz");
        assert!(!archive.is_directory());
        assert_eq!(archive.file_name().unwrap(), "e.tar.gz");
        assert_eq!(archive.directory().to_string(), "s3a://b/envs/");
        assert_eq!(parse("s3a://b/e.tar.gz").directory().to_string(), "s3a://b/");
        assert_eq!(parse("s3a://b/envs/").file_name(), None);
        assert_eq!(parse("e.tar.gz").directory().to_string(), "./");
        assert_eq!(parse("/srv/e.tar.gz").directory().local_path().unwrap(), Path::new("/srv"));
    }

    #[test]
    fn local_paths_become_absolute_uris() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(parse("a b.tar.gz").uri(), format!("file://{}/a%20b.tar.gz", here.display()));
        assert_eq!(parse("a#b.tar.gz").uri(), format!("file://{}/a%23b.tar.gz", here.display()));
        assert_eq!(parse("file:///srv/a%20b/").local_path().unwrap(), Path::new("/srv/a b"));
        assert_eq!(parse("file:/srv/e.zip").uri(), "file:///srv/e.zip");
        assert_eq!(parse("file://localhost/srv/e.zip").uri(), "file:///srv/e.zip");
    }

    #[test]
    fn an_existing_directory_needs_no_slash() {
        let folder = tempfile::tempdir().unwrap();
        let typed = folder.path().to_str().unwrap();
        assert!(parse(typed).is_directory());
        assert_eq!(parse(typed).join("e.zip").to_string(), format!("{typed}/e.zip"));
        assert!(!parse(&format!("{typed}/e.zip")).is_directory());
        assert!(parse(&format!("{typed}/none/")).is_directory());
    }

    #[test]
    fn a_colon_in_a_file_name_makes_no_url() {
        assert_eq!(parse("a:b.tar.gz").to_string(), "a:b.tar.gz");
    }

    #[test]
    fn a_bad_url_is_a_usage_error() {
        for text in [
            "",
            "hdfs://nn/envs/",
            "http://h/e.tar.gz",
            "s3://",
            "s3:///envs/",
            "s3:/b/envs/",
            "s3://b/ü.gz",
            "s3://b/a b.gz",
            "s3://b/a%20b.gz",
            "s3://b/e.gz#x",
            "s3://b/e.gz?x",
            "s3://b/a,b.gz",
            "s3://b/../x",
            "s3://b//x",
            "s3://b/*.gz",
            "s3://b:9000/e.gz",
            "file://srv/envs/",
            "file:///srv/a#b",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(error.hint().is_some(), "{text}");
        }
    }

    #[test]
    fn a_bad_url_is_repeated_as_it_was_typed() {
        for (text, message) in [
            ("s3:/bucket/", "the URL `s3:/bucket/` has one slash where a URL has two"),
            ("S3A:///envs/", "the URL `S3A:///envs/` names no bucket"),
        ] {
            assert_eq!(Location::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_unknown_scheme_lists_the_known_ones() {
        let error = Location::parse("ftp://h/e").unwrap_err();
        assert_eq!(error.to_string(), "unknown kind of URL: `ftp:`");
        assert_eq!(
            error.hint().unwrap(),
            "give a local path or a URL that begins with file:, s3:, s3a: or s3n:"
        );
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_never_repeated() {
        for text in [
            "s3://AKIA:hunter2@b/envs/",
            "s3a://hunter2@b/",
            "s3:/AKIA:hunter2@b/envs/",
            "s3:///AKIA:hunter2@b/envs/",
            "file://u:hunter2@h/x",
            "ftp://u:hunter2@h/",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage);
            let told = format!("{error} {error:?} {:?}", error.hint());
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
