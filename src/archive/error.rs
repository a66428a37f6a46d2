//! What can be wrong with a layout, an inventory or an archive.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use crate::artifact::Format;
use crate::error::{Explain, Kind};

/// An error of packing or unpacking.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{format} has no level {level}, only {least} to {most}")]
    Level { level: u32, format: Format, least: u32, most: u32 },
    #[error("`{arcroot}` is no directory inside an archive")]
    Arcroot { arcroot: String },
    #[error("SOURCE_DATE_EPOCH is no time in seconds: `{value}`")]
    Time { value: String },

    #[error("`{}` changed while it was being packed", path.display())]
    Changed { path: PathBuf },
    #[error("two files would be archived as `{path}`")]
    Duplicate { path: String },
    #[error("`{path}` lies below `{parent}`, which is no directory")]
    NotADirectory { path: String, parent: String },
    #[error(
        "the manifest would be longer than 128 MiB: `{path}` alone holds the environment's path {times} times"
    )]
    Overlong { path: String, times: usize },
    #[error("no threads to work with")]
    Threads(#[source] io::Error),

    #[error("`{}` does not exist", path.display())]
    Missing { path: PathBuf },
    #[error("`{}` is empty", path.display())]
    Empty { path: PathBuf },
    #[error("`{}` is no archive", path.display())]
    NotAnArchive { path: PathBuf },
    #[error("`{}` is {what}, which envship does not unpack", path.display())]
    Unsupported { path: PathBuf, what: &'static str },
    #[error("`{}` is damaged or cut short", path.display())]
    Damaged { path: PathBuf, source: io::Error },
    #[error("the manifest of `{}` can't be read", path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error("the manifest of `{}` has schema {schema}, which this version does not know", path.display())]
    Schema { path: PathBuf, schema: u64 },
    #[error("the manifest lists a placeholder that is not there: `{name}` at byte {offset}")]
    Placeholder { name: Shown, offset: u64 },
    #[error("`{}` is not UTF-8, and placeholders have to be replaced by it", path.display())]
    Destination { path: PathBuf },

    #[error("can't write `{name}` into `{}`", directory.display())]
    Write { name: Shown, directory: PathBuf, source: io::Error },

    #[error("the archive holds a name that is not UTF-8: `{name}`")]
    Name { name: Shown },
    #[error("the archive holds a link whose target is not UTF-8: `{name}`")]
    Target { name: Shown },
    #[error("the archive would write outside the directory: `{name}`")]
    Outside { name: Shown },
    #[error("the archive would write through the link `{link}`: `{name}`")]
    ThroughLink { name: Shown, link: Shown },
    #[error("the archive would write below the file `{file}`: `{name}`")]
    BelowFile { name: Shown, file: Shown },
    #[error("the archive holds a link that leaves the directory: `{name}` -> `{target}`")]
    LinkOutside { name: Shown, target: Shown },
    #[error("the archive holds an absolute link: `{name}` -> `{target}`")]
    AbsoluteLink { name: Shown, target: Shown },
    #[error("the archive holds a hard link to what it does not hold: `{name}` -> `{target}`")]
    HardLink { name: Shown, target: Shown },
    #[error("the archive holds {what}: `{name}`")]
    Special { name: Shown, what: &'static str },
    #[error("the archive holds `{name}` twice, as {first} and as {second}")]
    Conflict { name: Shown, first: &'static str, second: &'static str },
}

/// A name as it stands in an archive. In a message it is on one line, and no
/// longer than anybody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(String);

impl From<&str> for Shown {
    fn from(name: &str) -> Self {
        Shown(name.to_owned())
    }
}

impl From<&[u8]> for Shown {
    fn from(name: &[u8]) -> Self {
        Shown(String::from_utf8_lossy(name).into_owned())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        for (index, c) in self.0.chars().enumerate() {
            match c {
                _ if index == LONGEST => return f.write_str("…"),
                _ if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::Level { .. } | Error::Arcroot { .. } => Kind::Usage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Level { least, most, .. } => {
                return Some(format!("give --compress-level a number from {least} to {most}"));
            }
            Error::Arcroot { .. } => "give --arcroot a relative path without `..`, such as `environment`",
            Error::Time { .. } => "unset SOURCE_DATE_EPOCH, or set it to seconds since 1970",
            Error::Changed { .. } => "pack again when nothing writes into the environment",
            Error::Duplicate { .. } | Error::NotADirectory { .. } => {
                "leave one of the two out with --exclude, or report this as a defect"
            }
            Error::Overlong { .. } => "leave that file out with --exclude",
            Error::Threads(_) => "ask for fewer with --n-threads",
            Error::Missing { path } if path.to_string_lossy().contains(":/") => {
                "fetch it first: `inspect`, `verify`, `unpack` and `conf` take a URL, `publish` takes a file"
            }
            Error::Missing { path } if path.starts_with("~") => {
                "shells replace `~` only outside of quotes; write $HOME or the whole path"
            }
            Error::Missing { .. } => "check the path of the archive",
            Error::Empty { .. } | Error::Damaged { .. } => "fetch or pack the archive again",
            Error::NotAnArchive { .. } | Error::Unsupported { .. } => {
                "give a .tar.gz, .tar, .tar.zst or .zip archive"
            }
            Error::Manifest { .. } | Error::Placeholder { .. } => "pack the archive again",
            Error::Schema { .. } => "use the version of envship that packed the archive, or a later one",
            Error::Destination { .. } => "unpack into a directory with a name in UTF-8",
            Error::AbsoluteLink { .. } => {
                "if you trust the archive, --allow-absolute-links makes such links and never follows them"
            }
            Error::Name { .. } => "unpack it with `tar` or `unzip`",
            Error::Target { .. } => "no engine can follow such a link; leave it out when the archive is made",
            Error::Write { source, .. } => return source.hint(),
            Error::Outside { .. }
            | Error::ThroughLink { .. }
            | Error::BelowFile { .. }
            | Error::LinkOutside { .. }
            | Error::HardLink { .. }
            | Error::Special { .. }
            | Error::Conflict { .. } => "nothing was unpacked; get the archive from somebody you trust",
        };
        Some(hint.to_owned())
    }
}
