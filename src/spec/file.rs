//! A spec as it lies on disk: text, with its path.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::SpecError;

/// A text file that may be a spec.
pub(super) struct SpecFile {
    pub path: PathBuf,
    pub text: String,
}

/// What a file that is no text begins with, to name it.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x7fELF", "an executable"),
];

impl SpecFile {
    /// Reads a file that is text and holds something.
    pub fn read(path: &Path) -> Result<SpecFile, SpecError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SpecError::Missing { path: path.to_owned() },
            _ => SpecError::Unreadable { path: path.to_owned(), source },
        };
        let binary = |seen| SpecError::Binary { path: path.to_owned(), seen };
        let mut file = fs_err::File::open(path).map_err(unreadable)?;
        // An archive given by mistake may be huge: its beginning tells enough.
        let mut bytes = Vec::new();
        file.by_ref().take(8192).read_to_end(&mut bytes).map_err(unreadable)?;
        if let Some((_, seen)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(binary(seen));
        }
        if bytes.contains(&0) {
            return Err(binary("binary"));
        }
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| binary("not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        if text.trim().is_empty() {
            return Err(SpecError::Empty { path: path.to_owned() });
        }
        Ok(SpecFile { path: path.to_owned(), text })
    }

    /// The last part of the path, in lower case.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
    }

    /// What follows the last dot of the name, in lower case.
    pub fn extension(&self) -> String {
        self.name().rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
    }

    /// The folder that the file lies in, absolute: what it names is relative to it.
    pub fn folder(&self) -> PathBuf {
        folder_of(&self.path)
    }

    /// Whether a line begins with `key:` in the first column.
    pub fn has_key(&self, key: &str) -> bool {
        self.text
            .lines()
            .any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
    }
}

/// The absolute folder of a file, links kept as they are.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}
