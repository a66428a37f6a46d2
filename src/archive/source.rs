//! An archive file as a stream of tar bytes or as a zip, whoever made it.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::magic::{HEAD, Magic, detect, is_tar};
use crate::artifact::Format;
use crate::error::Result;
use crate::interrupt;
use crate::progress::Progress;

/// An archive that has been recognised.
pub(super) struct Archive {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    /// Of the archive file, in bytes.
    pub(super) size: u64,
    file: fs_err::File,
}

impl Archive {
    /// Opens a file and tells its format by its content.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut file = fs_err::File::open(path)?;
        let metadata = file.metadata()?;
        let path = path.to_owned();
        if metadata.is_dir() {
            return Err(Error::Unsupported { path, what: "a directory" }.into());
        }
        let head = read_head(&mut file)?;
        let format = match detect(&head) {
            Magic::Archive(format) => format,
            Magic::Other(what) => return Err(Error::Unsupported { path, what }.into()),
            Magic::Unknown if head.is_empty() => return Err(Error::Empty { path }.into()),
            Magic::Unknown => return Err(Error::NotAnArchive { path }.into()),
        };
        file.seek(SeekFrom::Start(0))?;
        Ok(Archive { path, format, size: metadata.len(), file })
    }

    /// The tar stream inside, for every format but zip.
    pub(super) fn tar_stream<'a>(&'a self, progress: &'a dyn Progress) -> Result<TarStream<'a>> {
        let file = BufReader::with_capacity(256 * 1024, Watched { file: &self.file, progress });
        let mut inside: Box<dyn Read + 'a> = match self.format {
            Format::TarGz => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Format::TarZst => Box::new(::zstd::Decoder::with_buffer(file).map_err(|e| self.damaged(e))?),
            _ => Box::new(file),
        };
        let head = read_head(&mut inside).map_err(|error| self.damaged(error))?;
        if !is_tar(&head) {
            return Err(Error::NotAnArchive { path: self.path.clone() }.into());
        }
        Ok(TarStream { inside: Cursor::new(head).chain(inside), zeros: 0 })
    }

    /// The zip's directory and contents; to be opened once per thread.
    pub(super) fn zip(&self) -> Result<::zip::ZipArchive<BufReader<fs_err::File>>> {
        let file = BufReader::new(fs_err::File::open(&self.path)?);
        ::zip::ZipArchive::new(file).map_err(|error| self.damaged_zip(error))
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
    file: &'a fs_err::File,
    progress: &'a dyn Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check().map_err(io::Error::other)?;
        let mut file: &fs_err::File = self.file;
        let read = file.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// The tar bytes of an archive.
pub(super) struct TarStream<'a> {
    inside: io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>,
    /// How many of the latest bytes were zero.
    zeros: u64,
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
