//! The manifest in an archive: where it lies, and how it is read.

use std::io::{self, Read};
use std::path::Path;

use super::error::Error;
use crate::artifact::{MANIFEST, Manifest};

/// The root of the environment whose manifest a file is, if it is one.
pub(super) fn root_of(name: &str) -> Option<&str> {
    let root = name.strip_prefix("./").unwrap_or(name).strip_suffix(MANIFEST)?;
    if root.is_empty() { Some(root) } else { root.strip_suffix('/') }
}

/// The longest manifest that is read, in bytes: it has room for hundreds of
/// thousands of placeholders.
const LONGEST: u64 = 128 << 20;

/// Makes sure that what is packed with a manifest can be read again.
///
/// # Errors
/// [`Error::Overlong`].
pub fn check_length(manifest: &Manifest, text: &[u8]) -> Result<(), Error> {
    if text.len() as u64 <= LONGEST {
        return Ok(());
    }
    let of_files = manifest.placeholders.chunk_by(|one, next| one.path == next.path);
    let most = of_files.max_by_key(|of_file| of_file.len()).unwrap_or_default();
    let path = most.first().map_or_else(String::new, |placeholder| placeholder.path.clone());
    Err(Error::Overlong { path, times: most.len() })
}

/// All of a manifest. It is read into memory, and an archive that nobody has
/// reason to trust may hold one of any length.
pub(super) fn text_of(content: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if content.take(LONGEST + 1).read_to_end(&mut text)? as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its manifest is longer than 128 MiB"));
    }
    Ok(text)
}

/// What says whether a manifest can be understood.
#[derive(serde::Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<serde_json::Value>,
}

/// Reads the manifest of the archive at `path`.
pub(super) fn read_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, Error> {
    let unreadable = |source| Error::Manifest { path: path.to_owned(), source };
    let Head { schema } = serde_json::from_slice(bytes).map_err(unreadable)?;
    match schema.as_ref().and_then(serde_json::Value::as_u64) {
        Some(schema) if schema != 1 => Err(Error::Schema { path: path.to_owned(), schema }),
        _ => serde_json::from_slice(bytes).map_err(unreadable),
    }
}
