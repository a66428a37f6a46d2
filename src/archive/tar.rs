//! tar, and tar through a codec: the stream is known beforehand, so that any
//! block of it can be made alone.

use std::io::{self, Write};
use std::ops::Range;

use super::blocks::Block;
use super::bundle::{Bundle, Fill, content};
use super::codec::{Codec, Compressor};
use super::compress::compress;
use super::content::{Parted, same};
use super::deflate::Next;
use super::segments::{Segment, Segments, Sum};
use super::ustar;
use crate::entry::Measured;
use crate::error::Result;
use crate::progress::Progress;

/// Writes arranged entries as a tar stream through `codec`.
pub(super) fn write(
    entries: &[Measured],
    time: u64,
    codec: &dyn Codec,
    segments: &Segments<'_>,
    threads: usize,
    sink: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<()> {
    let parted = Parted::default();
    let make = |bundle: &mut TarBundle, block: &Block| {
        let (range, part) = block.parts();
        let entries = &entries[range];
        bundle.begin(room(entries, part.as_ref()));
        match &part {
            None => entries.iter().try_for_each(|item| bundle.read(item))?,
            Some(part) => bundle.slice(&entries[0], part, &parted)?,
        }
        bundle.finish()
    };
    sink.write_all(&codec.header())?;
    let (mut crc, mut sizes) = (crc32fast::Hasher::new(), Vec::new());
    let mut slices = crc32fast::Hasher::new();
    let mut put = |segment: &Segment| {
        for sum in &segment.sums {
            crc.combine(&sum.hasher());
            sizes.push((segment.bytes.len() as u64, sum.size));
            progress.advance(sum.size);
        }
        sink.write_all(&segment.bytes)
    };
    let bundle = || Ok(TarBundle::new(codec, time)?);
    compress(entries, codec.block_size(), segments, threads, bundle, make, |block, segment| {
        put(&segment)?;
        let Block::Slice { entry, range } = block else { return Ok(()) };
        segment.sums.iter().for_each(|sum| slices.combine(&sum.hasher()));
        let item = &entries[*entry];
        if range.end < item.size {
            return Ok(());
        }
        let archived = std::mem::take(&mut slices).finalize();
        same(item, crc_of(item, time), archived).inspect_err(|_| segments.forget(item, codec.block_size()))
    })?;
    // A block of its own: no package's block changes because it has become the last.
    put(&bundle()?.compress(&[0; ustar::END], Next::End)?)?;
    sink.write_all(&codec.trailer(crc.finalize(), &sizes))?;
    Ok(())
}

/// What a part of a tar stream takes, names that are too long for a header left
/// out.
#[allow(clippy::cast_possible_truncation)] // a block fits in memory
fn room(entries: &[Measured], part: Option<&Range<u64>>) -> usize {
    let whole = |item: &Measured| ustar::RECORD + (item.size as usize).next_multiple_of(ustar::RECORD);
    match part {
        Some(part) => (part.end - part.start) as usize + 2 * ustar::RECORD,
        None => entries.iter().map(whole).sum(),
    }
}

/// A block of a tar stream.
pub(super) struct TarBundle {
    time: u64,
    compressor: Compressor,
    raw: Vec<u8>,
}

impl TarBundle {
    pub(super) fn new(codec: &dyn Codec, time: u64) -> io::Result<Self> {
        Ok(TarBundle { time, compressor: codec.compressor()?, raw: Vec::new() })
    }

    /// Makes room for a block.
    pub(super) fn begin(&mut self, room: usize) {
        self.raw.clear();
        // Growing by doubling would take twice the memory.
        self.raw.reserve_exact(room);
    }

    /// Adds a part of an entry.
    fn slice(&mut self, item: &Measured, part: &Range<u64>, parted: &Parted) -> Result<()> {
        if part.start == 0 {
            self.raw.extend_from_slice(&ustar::header(item, self.time));
        }
        if let Some(file) = content(item) {
            parted.open(item, file)?.read(part.clone(), &mut self.raw)?;
        }
        if part.end == item.size {
            pad(&mut self.raw);
        }
        Ok(())
    }

    fn compress(&mut self, raw: &[u8], next: Next) -> io::Result<Segment> {
        Ok(Segment { bytes: (self.compressor)(raw, next)?, sums: vec![Sum::of(raw)] })
    }
}

impl Bundle for TarBundle {
    fn add(&mut self, item: &Measured, fill: &mut Fill<'_>) -> Result<()> {
        self.raw.extend_from_slice(&ustar::header(item, self.time));
        if content(item).is_some() {
            fill(&mut self.raw)?;
            pad(&mut self.raw);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Segment> {
        let raw = std::mem::take(&mut self.raw);
        let segment = self.compress(&raw, Next::Block)?;
        self.raw = raw;
        self.clear();
        Ok(segment)
    }

    fn clear(&mut self) {
        self.raw.clear();
    }
}

/// The CRC-32 of all that the tar stream holds of an entry.
fn crc_of(item: &Measured, time: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&ustar::header(item, time));
    crc.combine(&Sum { crc: item.crc, size: item.size }.hasher());
    let padding = item.size.next_multiple_of(ustar::RECORD as u64) - item.size;
    crc.update(&[0; ustar::RECORD][..usize::try_from(padding).unwrap_or(0)]);
    crc.finalize()
}

/// Blocks start at, and slices but the last are, multiples of a tar record.
fn pad(raw: &mut Vec<u8>) {
    raw.resize(raw.len().next_multiple_of(ustar::RECORD), 0);
}
