//! tar, and tar through a codec: the stream is known beforehand, so that any
//! block of it can be made alone.

use std::io::{self, Write};
use std::ops::Range;

use super::blocks::{Block, cut};
use super::content::{Parted, Reader, same};
use super::deflate::Next;
use super::pipeline::{Crew, Job, in_order};
use super::segments::{Segment, Segments, Sum};
use super::ustar;
use crate::entry::{File, Measured, Node};
use crate::error::Result;
use crate::progress::Progress;

/// What a tar stream goes through.
pub(super) trait Codec: Sync {
    /// About how much a block holds, in bytes.
    fn block_size(&self) -> u64;

    /// What comes before the first block.
    fn header(&self) -> Vec<u8>;

    /// Made once per thread.
    fn compressor(&self) -> io::Result<Compressor>;

    /// What comes after the last block, given the CRC-32 of the stream, and the
    /// size of each block, compressed and not.
    fn trailer(&self, crc: u32, blocks: &[(u64, u64)]) -> Vec<u8>;
}

/// Compresses a block, told what follows it.
pub(super) type Compressor = Box<dyn FnMut(&[u8], Next) -> io::Result<Vec<u8>>>;

/// No compression.
pub(super) struct Plain;

impl Codec for Plain {
    fn block_size(&self) -> u64 {
        1 << 20
    }

    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn compressor(&self) -> io::Result<Compressor> {
        Ok(Box::new(|raw, _| Ok(raw.to_vec())))
    }

    fn trailer(&self, _: u32, _: &[(u64, u64)]) -> Vec<u8> {
        Vec::new()
    }
}

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
    let blocks = cut(entries, codec.block_size());
    let parted = Parted::default();
    // The end of the stream is a block of its own: no package's block changes
    // because it has become the last.
    let jobs = blocks
        .into_iter()
        .map(|block| Job { holds: block.size(entries), what: Some(block) })
        .chain(std::iter::once(Job::light(None)))
        .map(Ok);
    let compress = |(compressor, raw): &mut (Compressor, Vec<u8>), block: Option<Block>| {
        let segment = match &block {
            None => segment(compressor, &[0; ustar::END], Next::End)?,
            Some(block) => {
                let (range, part) = block.parts();
                segments.get(&entries[range.clone()], part.as_ref(), || {
                    raw.clear();
                    // Growing by doubling would take twice the memory.
                    raw.reserve_exact(room(&entries[range.clone()], part.as_ref()));
                    stretch(entries, block, time, &parted, raw)?;
                    Ok::<_, crate::error::Error>(segment(compressor, raw, Next::Block)?)
                })?
            }
        };
        Ok((block, segment))
    };
    sink.write_all(&codec.header())?;
    let (mut crc, mut sizes) = (crc32fast::Hasher::new(), Vec::new());
    let mut slices = crc32fast::Hasher::new();
    in_order(
        jobs,
        &Crew { threads, largest: codec.block_size() },
        || Ok((codec.compressor()?, Vec::new())),
        compress,
        |(block, segment)| {
            sink.write_all(&segment.bytes)?;
            for sum in &segment.sums {
                crc.combine(&sum.hasher());
                sizes.push((segment.bytes.len() as u64, sum.size));
                progress.advance(sum.size);
            }
            let Some(Block::Slice { entry, range }) = block else { return Ok(()) };
            segment.sums.iter().for_each(|sum| slices.combine(&sum.hasher()));
            let item = &entries[entry];
            if range.end < item.size {
                return Ok(());
            }
            let archived = std::mem::take(&mut slices).finalize();
            same(item, crc_of(item, time), archived)
                .inspect_err(|_| segments.forget(item, codec.block_size()))
        },
    )?;
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

fn segment(compressor: &mut Compressor, raw: &[u8], next: Next) -> io::Result<Segment> {
    let sums = vec![Sum::of(raw)];
    Ok(Segment { bytes: compressor(raw, next)?, sums })
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

/// Appends the bytes of the tar stream that a block stands for.
fn stretch(entries: &[Measured], block: &Block, time: u64, parted: &Parted, raw: &mut Vec<u8>) -> Result<()> {
    raw.reserve(usize::try_from(weight(entries, block)).unwrap_or(0));
    match block {
        Block::Entries(range) => {
            for item in &entries[range.clone()] {
                raw.extend_from_slice(&ustar::header(item, time));
                if let Some(file) = file(item) {
                    Reader::open(item, file)?.read_whole(raw)?;
                    pad(raw);
                }
            }
        }
        Block::Slice { entry, range } => {
            let item = &entries[*entry];
            if range.start == 0 {
                raw.extend_from_slice(&ustar::header(item, time));
            }
            if let Some(file) = file(item) {
                parted.open(item, file)?.read(range.clone(), raw)?;
            }
            if range.end == item.size {
                pad(raw);
            }
        }
    }
    Ok(())
}

/// How long a stretch is, if no entry needs more than one header.
fn weight(entries: &[Measured], block: &Block) -> u64 {
    const RECORD: u64 = ustar::RECORD as u64;
    match block {
        Block::Entries(range) => {
            entries[range.clone()].iter().map(|item| RECORD + item.size.next_multiple_of(RECORD)).sum()
        }
        Block::Slice { range, .. } => range.end - range.start + 2 * RECORD,
    }
}

/// The file that an entry is, if it has any content.
fn file(item: &Measured) -> Option<&File> {
    match &item.entry.node {
        Node::File(file) if item.size > 0 => Some(file),
        _ => None,
    }
}

/// Blocks start at, and slices but the last are, multiples of a tar record.
fn pad(raw: &mut Vec<u8>) {
    raw.resize(raw.len().next_multiple_of(ustar::RECORD), 0);
}
