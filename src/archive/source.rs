//! An archive file as a stream of tar bytes or as a zip, whoever made it.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::ahead::Counted;
use super::error::Error;
use super::gunzip::{self, ParallelGunzip};
use super::magic::{HEAD, Magic, detect, is_tar};
use super::members::Members;
use super::unzstd::ParallelUnzstd;
use super::zip_end;
use crate::artifact::Format;
use crate::error::Result;
use crate::fs::Hashing;
use crate::interrupt;
use crate::progress::Progress;

/// Reads from any place of an archive.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

type Open<'a> = dyn Fn() -> io::Result<Box<dyn ReadSeek>> + Send + Sync + 'a;

/// Where the bytes of an archive come from.
#[derive(Clone)]
pub struct Input<'a> {
    /// For messages: a path or a URL.
    name: PathBuf,
    open: Arc<Open<'a>>,
}

impl<'a> Input<'a> {
    /// A local file.
    ///
    /// # Errors
    /// If there is none, or what is there can't be read twice.
    pub fn file(path: &Path) -> Result<Self> {
        let found = fs_err::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() }.into(),
            _ => crate::error::Error::from(error),
        })?;
        if let Some(what) = other_than_file(found.file_type()) {
            return Err(Error::Unsupported { path: path.to_owned(), what }.into());
        }
        let (name, path) = (path.to_owned(), path.to_owned());
        Ok(Input { name, open: Arc::new(move || Ok(Box::new(fs_err::File::open(&path)?))) })
    }

    /// Whatever `open` gives, which is called once by every thread that reads.
    pub fn new(name: &str, open: impl Fn() -> io::Result<Box<dyn ReadSeek>> + Send + Sync + 'a) -> Self {
        Input { name: name.into(), open: Arc::new(open) }
    }

    /// For messages.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// The SHA-256 of its bytes.
    pub(super) fn sha256(&self) -> io::Result<[u8; 32]> {
        let mut hashing = Hashing::new(io::sink());
        io::copy(&mut (self.open)()?, &mut hashing)?;
        Ok(hashing.finish().1)
    }
}

/// What has no end, or none that can be looked up first.
fn other_than_file(kind: std::fs::FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// A zip that one thread reads.
pub(super) type Zip = ::zip::ZipArchive<BufReader<Box<dyn ReadSeek>>>;

/// An entry of a zip and its content, which is as long as it says.
pub(super) struct ZipContent<'z> {
    entry: ::zip::read::ZipFile<'z, BufReader<Box<dyn ReadSeek>>>,
    left: u64,
}

impl<'z> std::ops::Deref for ZipContent<'z> {
    type Target = ::zip::read::ZipFile<'z, BufReader<Box<dyn ReadSeek>>>;

    fn deref(&self) -> &Self::Target {
        &self.entry
    }
}

impl Read for ZipContent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        let is_end = read == 0 && !buffer.is_empty();
        match self.left.checked_sub(read as u64) {
            Some(left) if !is_end || left == 0 => self.left = left,
            _ => {
                let problem = "a file is not as long as the zip's directory says";
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
        }
        Ok(read)
    }
}

/// An archive that has been recognised.
pub(super) struct Archive<'a> {
    /// Or URL; for messages.
    pub(super) path: PathBuf,
    pub(super) format: Format,
    /// Of the archive file, in bytes.
    pub(super) size: u64,
    open: Arc<Open<'a>>,
}

impl<'a> Archive<'a> {
    /// Tells the format of what is there by its content.
    pub(super) fn read(input: Input<'a>) -> Result<Self> {
        let Input { name: path, open } = input;
        let mut file = open()?;
        let head = read_head(&mut file)?;
        let format = match detect(&head) {
            Magic::Archive(format) => format,
            Magic::Other(what) => return Err(Error::Unsupported { path, what }.into()),
            Magic::Unknown if head.is_empty() => return Err(Error::Empty { path }.into()),
            Magic::Unknown => return Err(Error::NotAnArchive { path }.into()),
        };
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Archive { path, format, size, open })
    }

    /// The tar stream inside, for every format but zip.
    pub(super) fn tar_stream<'p>(&self, progress: &'p dyn Progress) -> Result<TarStream<'p>> {
        let consumed = Arc::new(AtomicU64::new(0));
        let mut file = BufReader::with_capacity(256 * 1024, Watched { file: (self.open)()?, progress });
        let damaged = |error| self.damaged(error);
        let mut inside: Box<dyn Read + 'p> = match self.format {
            Format::TarGz if gunzip::is_ours(file.fill_buf().map_err(damaged)?) => {
                Box::new(ParallelGunzip::new(file, Arc::clone(&consumed)).map_err(damaged)?)
            }
            Format::TarZst => {
                Box::new(ParallelUnzstd::new(Box::new(file), Arc::clone(&consumed)).map_err(damaged)?)
            }
            format => {
                let file = Counted { file, consumed: Arc::clone(&consumed) };
                match format {
                    Format::TarGz => Box::new(Members::new(file)),
                    _ => Box::new(file),
                }
            }
        };
        let head = read_head(&mut inside).map_err(|error| self.damaged(error))?;
        if !is_tar(&head) {
            return Err(Error::NotAnArchive { path: self.path.clone() }.into());
        }
        Ok(TarStream { inside: Cursor::new(head).chain(inside), zeros: 0, consumed })
    }

    /// The zip's directory and contents; to be opened once per thread. What its
    /// end says of the directory must be so.
    pub(super) fn zip(&self) -> Result<Zip> {
        let mut file = BufReader::new((self.open)()?);
        let start = zip_end::directory_start(&mut file).map_err(|error| self.damaged(error))?;
        let zip = ::zip::ZipArchive::new(file).map_err(|error| self.damaged_zip(error))?;
        if start == Some(zip.central_directory_start()) {
            return Ok(zip);
        }
        let problem = "the zip's end tells another size of its directory than it has";
        Err(self.damaged(io::Error::new(io::ErrorKind::InvalidData, problem)))
    }

    /// An entry of a zip. What stands before its content must agree with what
    /// the zip's directory says of it: readers believe the one or the other.
    pub(super) fn zip_entry<'z>(&self, zip: &'z mut Zip, index: usize) -> Result<ZipContent<'z>> {
        let options = ::zip::read::ZipReadOptions::new().enforce_header_consistency(true);
        let entry = zip.by_index_with_options(index, options).map_err(|error| self.damaged_zip(error))?;
        Ok(ZipContent { left: entry.size(), entry })
    }

    /// An error while reading.
    pub(super) fn damaged(&self, source: io::Error) -> crate::error::Error {
        if interrupt::check().is_err() {
            return interrupt::Interrupted.into();
        }
        Error::Damaged { path: self.path.clone(), source }.into()
    }

    pub(super) fn damaged_zip(&self, error: ::zip::result::ZipError) -> crate::error::Error {
        self.damaged(match error {
            ::zip::result::ZipError::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

fn read_head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Tells how far reading has come, and stops it on Ctrl-C.
struct Watched<'a> {
    file: Box<dyn ReadSeek>,
    progress: &'a dyn Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check().map_err(io::Error::other)?;
        let read = self.file.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// The tar bytes of an archive.
pub(super) struct TarStream<'a> {
    inside: io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>,
    /// How many of the latest bytes were zero.
    zeros: u64,
    /// How many bytes of the archive were needed so far.
    consumed: Arc<AtomicU64>,
}

impl Read for TarStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inside.read(buffer)?;
        let bytes = &buffer[..read];
        match bytes.iter().rposition(|byte| *byte != 0) {
            None => self.zeros += read as u64,
            Some(last) => self.zeros = (read - last - 1) as u64,
        }
        Ok(read)
    }
}

impl TarStream<'_> {
    /// How many bytes of the archive were needed so far, as a counter that
    /// goes on counting.
    pub(super) fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    /// Reads what is left, whereby the codec checks its sums, and makes sure
    /// that the stream ended as a tar does: several frames or no compression
    /// give no other sign that something is missing.
    pub(super) fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink())?;
        if self.zeros < HEAD as u64 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the end of the tar is missing"));
        }
        Ok(())
    }
}
