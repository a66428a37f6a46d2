//! The archived bytes of a file, read a range at a time.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::splice::{self, Part};
use crate::entry::{Change, Content, Edit, File, Measured};
use crate::error::Result;

/// A file that is being archived.
pub(super) struct Reader<'a> {
    measured: &'a Measured,
    edits: &'a [Edit],
    source: Source<'a>,
}

enum Source<'a> {
    Disk(fs_err::File, u64),
    Memory(&'a [u8]),
    Remade(Arc<Vec<u8>>),
}

impl<'a> Reader<'a> {
    /// Opens the file.
    pub(super) fn open(measured: &'a Measured, file: &'a File) -> Result<Self> {
        let source = match &file.content {
            Content::Memory(bytes) => Source::Memory(bytes),
            Content::Disk { path, size } => Source::Disk(open(&path.to_path(), *size)?, *size),
        };
        match &measured.change {
            Change::Edits(edits) | Change::InPlace(edits) => Ok(Reader { measured, edits, source }),
            Change::Remade(remake) => {
                let mut original = Vec::new();
                source.read(0..source.size(), &mut original)?;
                let bytes = remake.remake(&measured.entry.path, &file.rewrite, &original);
                Ok(Reader { measured, edits: &[], source: Source::Remade(Arc::new(bytes)) })
            }
        }
    }

    /// Appends the bytes `range` of the relocated file to `out`.
    pub(super) fn read(&self, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let edits = match &self.measured.change {
            // A large file may have millions.
            Change::InPlace(_) => splice::from(self.edits, range.start),
            Change::Edits(_) | Change::Remade(_) => self.edits,
        };
        for part in splice::parts(edits, self.source.size(), range) {
            match part {
                Part::Replacement(bytes) => out.extend_from_slice(bytes),
                Part::Original(range) => self.source.read(range, out)?,
            }
        }
        Ok(())
    }

    /// Appends the whole relocated file to `out`, and makes sure that it is
    /// still the one that was measured.
    pub(super) fn read_whole(&self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.read(0..self.measured.size, out)?;
        same(self.measured, self.measured.crc, crc32fast::hash(&out[start..]))
    }
}

/// Opens a large file once for each part of it, on several threads. What has
/// to be remade is remade once for all parts, if they are asked for in turn.
#[derive(Default)]
pub(super) struct Parted {
    latest: Mutex<Option<Remade>>,
}

/// A remade file.
struct Remade {
    path: Arc<str>,
    bytes: Arc<Vec<u8>>,
}

impl Parted {
    pub(super) fn open<'a>(&self, measured: &'a Measured, file: &'a File) -> Result<Reader<'a>> {
        if measured.change.edits().is_some() {
            return Reader::open(measured, file);
        }
        // Whoever needs the same file waits for it.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(Remade { path, bytes }) if *path == measured.entry.path => {
                Ok(Reader { measured, edits: &[], source: Source::Remade(Arc::clone(bytes)) })
            }
            _ => {
                let reader = Reader::open(measured, file)?;
                if let Source::Remade(bytes) = &reader.source {
                    let path = Arc::clone(&measured.entry.path);
                    *latest = Some(Remade { path, bytes: Arc::clone(bytes) });
                }
                Ok(reader)
            }
        }
    }
}

/// Makes sure that what was archived of an entry is what was measured, by the
/// CRC-32 of both.
pub(super) fn same(item: &Measured, measured: u32, archived: u32) -> Result<()> {
    if measured == archived {
        Ok(())
    } else {
        Err(Error::Changed { path: item.entry.path.to_string().into() }.into())
    }
}

impl Source<'_> {
    fn size(&self) -> u64 {
        match self {
            Source::Disk(_, size) => *size,
            Source::Memory(bytes) => bytes.len() as u64,
            Source::Remade(bytes) => bytes.len() as u64,
        }
    }

    #[allow(clippy::cast_possible_truncation)] // a range that is read fits in memory
    fn read(&self, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Source::Memory(bytes) => {
                out.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
                Ok(())
            }
            // Shorter than what was measured, if the original changed.
            Source::Remade(bytes) => {
                out.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
                Ok(())
            }
            Source::Disk(file, _) => {
                let mut file = file;
                file.seek(SeekFrom::Start(range.start))?;
                append(file, range.end - range.start, out)
            }
        }
    }
}

/// Opens a file that must be as long as it was when the inventory was made.
pub(super) fn open(path: &Path, size: u64) -> Result<fs_err::File> {
    let file = fs_err::File::open(path)?;
    if file.metadata()?.len() == size {
        Ok(file)
    } else {
        Err(Error::Changed { path: path.to_owned() }.into())
    }
}

/// Appends the next `size` bytes of a file to `out`; it ends too early if it has
/// been truncated since its size was taken.
#[allow(clippy::cast_possible_truncation)] // what is read fits in memory
pub(super) fn append(file: &fs_err::File, size: u64, out: &mut Vec<u8>) -> Result<()> {
    out.reserve(size as usize);
    if file.take(size).read_to_end(out)? as u64 == size {
        Ok(())
    } else {
        Err(Error::Changed { path: file.path().to_owned() }.into())
    }
}
