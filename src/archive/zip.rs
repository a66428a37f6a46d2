//! zip, streamed: nothing that was written is ever gone back to.
//!
//! A header comes before its content and holds the compressed size. Small files
//! are compressed first; large ones, which would fill the memory, get a data
//! descriptor behind them. Readers that stream know those badly, if at all.

use std::io::{self, Write};
use std::ops::Range;

use super::blocks::Block;
use super::bundle::{Bundle, Fill, content};
use super::compress::compress;
use super::content::{Parted, same};
use super::deflate::{Deflater, Next};
use super::layout::Layout;
use super::segments::{Segment, Segments, Sum};
use super::zip_records::{DosTime, Record, Sizes, end};
use crate::entry::{Measured, Node};
use crate::error::Result;
use crate::progress::Progress;

/// About how much a block holds, in bytes.
pub(super) const BLOCK: u64 = 1 << 20;

/// The compressed content of a file up to this size waits in memory for its
/// header.
const HELD: u64 = 4 << 20;

/// How much of the central directory is written at a time, in bytes.
const WRITTEN: usize = 1 << 16;

/// Writes arranged entries as a zip.
pub(super) fn write(
    entries: &[Measured],
    layout: &Layout,
    segments: &Segments<'_>,
    threads: usize,
    sink: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<()> {
    let mut output =
        Output { sink, time: DosTime::from_unix(layout.time), offset: 0, directory: Vec::new(), large: None };
    let parted = Parted::default();
    let make = |bundle: &mut ZipBundle, block: &Block| {
        let (range, part) = block.parts();
        let entries = &entries[range];
        match &part {
            None => {
                entries.iter().try_for_each(|item| bundle.read(item))?;
                bundle.finish()
            }
            Some(part) => bundle.slice(&entries[0], part, &parted),
        }
    };
    let bundle = || Ok(ZipBundle::new(layout.level));
    compress(entries, BLOCK, segments, threads, bundle, make, |block, segment| {
        let (range, part) = block.parts();
        let whole = || entries[range.clone()].iter().map(|item| item.size).sum();
        progress.advance(part.as_ref().map_or_else(whole, |part| part.end - part.start));
        match part {
            None => output.entries(&entries[range], &segment),
            Some(part) => {
                let item = &entries[range.start];
                output.slice(item, &part, segment).inspect_err(|_| segments.forget(item, BLOCK))
            }
        }
    })?;
    output.finish()
}

/// The contents of entries, compressed one by one.
pub(super) struct ZipBundle {
    deflater: Deflater,
    /// The contents, one behind the other.
    raw: Vec<u8>,
    /// What each entry has of them.
    parts: Vec<Part>,
}

/// How the content of an entry is archived.
enum Part {
    /// The next so many bytes, with their CRC-32.
    Deflated(usize, u32),
    /// The next so many bytes, as they are.
    Stored(usize),
}

impl ZipBundle {
    pub(super) fn new(level: u32) -> Self {
        ZipBundle { deflater: Deflater::new(level), raw: Vec::new(), parts: Vec::new() }
    }

    /// A part of a large entry's content, with CRC-32 and size before compression.
    fn slice(&mut self, item: &Measured, part: &Range<u64>, parted: &Parted) -> Result<Segment> {
        if let Some(file) = content(item) {
            parted.open(item, file)?.read(part.clone(), &mut self.raw)?;
        }
        let next = if part.end == item.size { Next::End } else { Next::Block };
        let mut bytes = Vec::new();
        self.deflater.block(&self.raw, next, &mut bytes);
        let sums = vec![Sum::of(&self.raw)];
        self.clear();
        Ok(Segment { bytes, sums })
    }
}

impl Bundle for ZipBundle {
    fn add(&mut self, item: &Measured, fill: &mut Fill<'_>) -> Result<()> {
        let start = self.raw.len();
        if content(item).is_some() {
            fill(&mut self.raw)?;
            self.parts.push(Part::Deflated(self.raw.len() - start, item.crc));
        } else {
            if let Node::Link(target) = &item.entry.node {
                self.raw.extend_from_slice(target.as_bytes());
            }
            self.parts.push(Part::Stored(self.raw.len() - start));
        }
        Ok(())
    }

    /// With the CRC-32 of each entry and its size when compressed.
    fn finish(&mut self) -> Result<Segment> {
        let (mut segment, mut rest) = (Segment::default(), &self.raw[..]);
        for part in &self.parts {
            let start = segment.bytes.len();
            let (Part::Deflated(length, _) | Part::Stored(length)) = part;
            let (raw, behind) = rest.split_at(*length);
            let crc = match part {
                Part::Stored(_) => {
                    segment.bytes.extend_from_slice(raw);
                    crc32fast::hash(raw)
                }
                Part::Deflated(_, crc) => {
                    self.deflater.block(raw, Next::End, &mut segment.bytes);
                    *crc
                }
            };
            segment.sums.push(Sum { crc, size: (segment.bytes.len() - start) as u64 });
            rest = behind;
        }
        self.clear();
        Ok(segment)
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.parts.clear();
    }
}

/// The archive as far as it is written.
struct Output<'a> {
    sink: &'a mut dyn Write,
    time: DosTime,
    offset: u64,
    /// What the central directory will list.
    directory: Vec<Record<'a>>,
    large: Option<Large<'a>>,
}

/// A large entry that is being written.
struct Large<'a> {
    record: Record<'a>,
    crc: crc32fast::Hasher,
    /// Compressed content that waits for its header.
    held: Vec<Vec<u8>>,
}

impl<'a> Output<'a> {
    fn entries(&mut self, items: &'a [Measured], segment: &Segment) -> Result<()> {
        assert_eq!(items.len(), segment.sums.len(), "a segment is of the entries of its block");
        let (mut out, mut contents) = (Vec::new(), &segment.bytes[..]);
        for (item, sum) in items.iter().zip(&segment.sums) {
            let (content, rest) = contents.split_at(sum.size.try_into().map_err(io::Error::other)?);
            contents = rest;
            let mut record = Record::new(item, self.offset + out.len() as u64, Sizes::Before);
            (record.crc, record.compressed) = (sum.crc, sum.size);
            record.local_header(self.time, &mut out);
            out.extend_from_slice(content);
            self.directory.push(record);
        }
        self.put(&out)
    }

    fn slice(&mut self, item: &'a Measured, part: &Range<u64>, segment: Segment) -> Result<()> {
        let mut large = match self.large.take() {
            Some(large) => large,
            None => self.begin(item)?,
        };
        for sum in &segment.sums {
            large.crc.combine(&sum.hasher());
        }
        large.record.compressed += segment.bytes.len() as u64;
        match large.record.sizes {
            Sizes::Before => large.held.push(segment.bytes),
            Sizes::Behind => self.put(&segment.bytes)?,
        }
        if part.end == item.size {
            self.end(item, large)
        } else {
            self.large = Some(large);
            Ok(())
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

    fn end(&mut self, item: &Measured, large: Large<'a>) -> Result<()> {
        let Large { mut record, crc, held } = large;
        record.crc = crc.finalize();
        same(item, item.crc, record.crc)?;
        let mut header = Vec::new();
        match record.sizes {
            Sizes::Before => record.local_header(self.time, &mut header),
            Sizes::Behind => record.data_descriptor(&mut header),
        }
        self.put(&header)?;
        held.iter().try_for_each(|bytes| self.put(bytes))?;
        self.directory.push(record);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let (directory, start) = (std::mem::take(&mut self.directory), self.offset);
        let mut out = Vec::new();
        for record in &directory {
            record.central_header(self.time, &mut out);
            if out.len() >= WRITTEN {
                self.put(&out)?;
                out.clear();
            }
        }
        let size = self.offset + out.len() as u64 - start;
        end(directory.len() as u64, size, start, &mut out);
        self.put(&out)
    }
}
