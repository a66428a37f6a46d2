//! zip, streamed: nothing that was written is ever gone back to.
//!
//! A header comes before its content and holds the compressed size. What fits
//! into memory is compressed first; only larger files get a data descriptor
//! behind them, which a few readers know badly.

use std::io::Write;
use std::ops::Range;

use super::blocks::{Block, cut};
use super::content::Reader;
use super::deflate::{Deflater, Next};
use super::layout::Layout;
use super::pipeline::in_order;
use super::zip_records::{DosTime, Record, Sizes, end};
use crate::entry::{Measured, Node};
use crate::error::Result;
use crate::progress::Progress;

/// About how much a block holds, in bytes.
const BLOCK: u64 = 1 << 20;

/// The compressed content of a file up to this size waits in memory for its
/// header.
const HELD: u64 = 32 << 20;

/// A block as it is written.
enum Compressed<'a> {
    /// Whole entries with their headers, whose offsets count from the start
    /// of `bytes`.
    Entries { bytes: Vec<u8>, records: Vec<Record<'a>> },
    /// A stretch of a large entry's content.
    Slice { entry: usize, range: Range<u64>, bytes: Vec<u8>, crc: crc32fast::Hasher },
}

/// Writes arranged entries as a zip.
pub(super) fn write(
    entries: &[Measured],
    layout: &Layout,
    threads: usize,
    sink: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<()> {
    let mut output = Output {
        entries,
        sink,
        time: DosTime::from_unix(layout.time),
        offset: 0,
        count: 0,
        directory: Vec::new(),
        large: None,
    };
    let time = output.time;
    let jobs = cut(entries, BLOCK).into_iter().map(Ok);
    let compress = |deflater: &mut Deflater, block| match block {
        Block::Entries(range) => whole(&entries[range], time, deflater),
        Block::Slice { entry, range } => slice(entries, entry, range, deflater),
    };
    in_order(
        jobs,
        threads,
        || Ok(Deflater::new(layout.level)),
        compress,
        |block| {
            progress.advance(block.size());
            output.write(block)
        },
    )?;
    output.finish()
}

impl Compressed<'_> {
    fn size(&self) -> u64 {
        match self {
            Compressed::Entries { records, .. } => records.iter().map(|record| record.item.size).sum(),
            Compressed::Slice { range, .. } => range.end - range.start,
        }
    }
}

fn whole<'a>(entries: &'a [Measured], time: DosTime, deflater: &mut Deflater) -> Result<Compressed<'a>> {
    let (mut bytes, mut records) = (Vec::new(), Vec::new());
    for item in entries {
        let mut record = Record::new(item, bytes.len() as u64, Sizes::Before);
        let mut content = Vec::new();
        match &item.entry.node {
            Node::Directory => {}
            Node::Link(target) => {
                record.crc = crc32fast::hash(target.as_bytes());
                content.extend_from_slice(target.as_bytes());
            }
            Node::File(_) if item.size == 0 => {}
            Node::File(file) => {
                let mut raw = Vec::new();
                Reader::open(item, file)?.read_whole(&mut raw)?;
                record.crc = crc32fast::hash(&raw);
                deflater.block(&raw, Next::End, &mut content)?;
            }
        }
        record.compressed = content.len() as u64;
        record.local_header(time, &mut bytes);
        bytes.append(&mut content);
        records.push(record);
    }
    Ok(Compressed::Entries { bytes, records })
}

fn slice<'a>(
    entries: &[Measured],
    entry: usize,
    range: Range<u64>,
    deflater: &mut Deflater,
) -> Result<Compressed<'a>> {
    let item = &entries[entry];
    let (mut raw, mut bytes) = (Vec::new(), Vec::new());
    if let Node::File(file) = &item.entry.node {
        Reader::open(item, file)?.read(range.clone(), &mut raw)?;
    }
    let next = if range.end == item.size { Next::End } else { Next::Block };
    deflater.block(&raw, next, &mut bytes)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&raw);
    Ok(Compressed::Slice { entry, range, bytes, crc })
}

/// The archive as far as it is written.
struct Output<'a> {
    entries: &'a [Measured],
    sink: &'a mut dyn Write,
    time: DosTime,
    offset: u64,
    count: u64,
    /// The central directory so far.
    directory: Vec<u8>,
    large: Option<Large<'a>>,
}

/// A large entry that is being written.
struct Large<'a> {
    record: Record<'a>,
    crc: crc32fast::Hasher,
    /// Compressed content that waits for its header.
    held: Vec<u8>,
}

impl<'a> Output<'a> {
    fn write(&mut self, block: Compressed<'a>) -> Result<()> {
        match block {
            Compressed::Entries { bytes, records } => {
                for mut record in records {
                    record.offset += self.offset;
                    self.list(&record);
                }
                self.put(&bytes)
            }
            Compressed::Slice { entry, range, bytes, crc } => {
                let item = &self.entries[entry];
                let mut large = match self.large.take() {
                    Some(large) => large,
                    None => self.begin(item)?,
                };
                large.crc.combine(&crc);
                large.record.compressed += bytes.len() as u64;
                match large.record.sizes {
                    Sizes::Before => large.held.extend_from_slice(&bytes),
                    Sizes::Behind => self.put(&bytes)?,
                }
                if range.end == item.size {
                    self.end(large)
                } else {
                    self.large = Some(large);
                    Ok(())
                }
            }
        }
    }

    fn begin(&mut self, item: &'a Measured) -> Result<Large<'a>> {
        let sizes = if item.size <= HELD { Sizes::Before } else { Sizes::Behind };
        let record = Record::new(item, self.offset, sizes);
        if sizes == Sizes::Behind {
            let mut header = Vec::new();
            record.local_header(self.time, &mut header);
            self.put(&header)?;
        }
        Ok(Large { record, crc: crc32fast::Hasher::new(), held: Vec::new() })
    }

    fn end(&mut self, large: Large<'a>) -> Result<()> {
        let Large { mut record, crc, held } = large;
        record.crc = crc.finalize();
        let mut header = Vec::new();
        match record.sizes {
            Sizes::Before => record.local_header(self.time, &mut header),
            Sizes::Behind => record.data_descriptor(&mut header),
        }
        self.put(&header)?;
        self.put(&held)?;
        self.list(&record);
        Ok(())
    }

    fn list(&mut self, record: &Record) {
        record.central_header(self.time, &mut self.directory);
        self.count += 1;
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let mut directory = std::mem::take(&mut self.directory);
        let size = directory.len() as u64;
        end(self.count, size, self.offset, &mut directory);
        self.put(&directory)
    }
}
