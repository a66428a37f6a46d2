//! Files of an environment → what is in it, and what it asks of a node.
//!
//! An [`Inspection`] is shown every file, wherever it comes from, and makes a
//! [`Report`] of them: sizes by package, duplicates, and what the ELF files
//! need. Nothing is run.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "installers write these names in one case, and file names differ by case"
)]

mod needs;
mod owners;
mod report;
mod target;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

pub use report::{
    Cuda, Duplicate, FileSize, Floor, Leftover, Library, PackageSize, Report, Sizes, Unloadable,
};
pub use target::{Unmet, unmet};

use crate::artifact::{MANIFEST, Manifest};
use crate::fs::Hashing;
use crate::prefix::elf::Elf;
use needs::Needs;
use owners::Owners;

/// No list of files or metadata is longer; who claims so gets it cut.
const LONGEST_TEXT: u64 = 64 << 20;

/// An environment that is being looked at, file by file.
#[derive(Default)]
pub struct Inspection {
    manifest: Option<Manifest>,
    files: BTreeMap<String, File>,
    owners: Owners,
    needs: Needs,
}

/// A file as it was seen.
struct File {
    size: u64,
    packed: Option<u64>,
    sha256: [u8; 32],
}

impl Inspection {
    /// Looks at a file. `packed` is what it takes in the archive, in bytes,
    /// where that is known now; [`Inspection::packed`] tells it later.
    ///
    /// # Errors
    /// If it can't be read, or a library can't be put into a temporary file.
    pub fn file(&mut self, path: &str, content: &mut dyn Read) -> io::Result<()> {
        let mut hashing = Hashing::new(io::sink());
        let mut head = Vec::with_capacity(4);
        content.take(4).read_to_end(&mut head)?;
        hashing.write_all(&head)?;
        if head == b"\x7fELF" {
            // The dynamic section may be anywhere in the file, which may be
            // gigabytes long.
            let mut spool = tempfile::NamedTempFile::new()?;
            spool.write_all(&head)?;
            io::copy(&mut content.take(u64::MAX), &mut Both(&mut hashing, &mut spool))?;
            spool.flush()?;
            match Elf::read(spool.path())? {
                Elf::Sound(dynamic) => self.needs.library(path, &dynamic),
                Elf::Broken(flaw) => self.needs.broken(path, flaw),
                Elf::Other => {}
            }
        } else if owners::is_metadata(path) || path == MANIFEST {
            let mut text = head;
            content.take(LONGEST_TEXT).read_to_end(&mut text)?;
            hashing.write_all(&text[4.min(text.len())..])?;
            if path == MANIFEST {
                self.manifest = serde_json::from_slice(&text).ok();
            } else {
                self.owners.metadata(path, &String::from_utf8_lossy(&text));
            }
        }
        io::copy(content, &mut hashing)?;
        let (_, sha256, size) = hashing.finish();
        self.files.insert(path.to_owned(), File { size, packed: None, sha256 });
        Ok(())
    }

    /// Remembers a link, by whose name a library may be found.
    pub fn link(&mut self, path: &str) {
        self.needs.name(path);
    }

    /// How many bytes of the archive a file takes.
    pub fn packed(&mut self, path: &str, bytes: u64) {
        if let Some(file) = self.files.get_mut(path) {
            file.packed = Some(bytes);
        }
    }

    /// What was seen; the lists of largest files and duplicates have at most
    /// `longest` items.
    #[must_use]
    pub fn report(self, longest: usize) -> Report {
        report::report(self, longest)
    }
}

/// Writes everything twice.
struct Both<'a, A, B>(&'a mut A, &'a mut B);

impl<A: Write, B: Write> Write for Both<'_, A, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}

/// The last component of a path.
fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}
