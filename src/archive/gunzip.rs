//! Our own tar.gz, inflated on all cores.
//!
//! A gzip member tells nothing of the blocks inside, but those that envship
//! makes know nothing of each other and end on a byte boundary, with the four
//! bytes of an empty stored block (RFC 1951, 3.2.4); the header says so in a
//! comment. The same bytes may come up inside a block, so a mark is only
//! where a block *may* end. Threads inflate the stretches between marks, and
//! what they find decides: one that ends in the midst of a block, or is
//! followed by one that can't be the start of a block, is inflated again
//! together with the next. Where a file is so full of marks that this doesn't
//! help, what is left is inflated from there on as any gzip file is. CRC-32 and
//! length are checked at the end as always.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Receiver;
use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::ahead::{Ahead, Shown, Workers};
use super::deflate::MARK;
use super::gzip::HEADER;

/// Stretches are at least this long, since one for each small block would cost
/// more than it gains; no longer, since a file of zeros is a thousand times as
/// long as its stretches, and some of them are in memory at a time.
const SHORTEST: usize = 4 << 10;

/// Nothing that envship makes has fewer marks: a block is 1 MiB.
const LONGEST: usize = 4 << 20;

/// What a stretch of the shortest length, and the last block in it, can hold
/// at most: deflate makes nothing smaller than by 1032.
const LARGEST: usize = 8 << 20;

/// After so many stretches that belong together there are too many marks that
/// are none. A block of ours has one where it ends, and others by chance, or
/// since it holds a file that has some.
const JOINED: usize = 32;

/// How much is inflated at a time where there are no stretches, in bytes.
const PART: usize = 1 << 20;

/// CRC-32 and length behind the member.
const TRAILER: usize = 8;

/// The last block of a stream that holds nothing.
const NOTHING: [u8; 2] = [3, 0];

/// Whether the blocks of a gzip member are independent, from its first bytes.
pub(super) fn is_ours(head: &[u8]) -> bool {
    head.starts_with(&HEADER)
}

/// Reads what is inside a member of which [`is_ours`] is true.
pub(super) struct ParallelGunzip<R> {
    ahead: Ahead<R>,
    workers: Workers<Arc<Vec<u8>>, Found>,
    under_way: VecDeque<Stretch>,
    /// Inflates all that is ahead, if it can't be done in stretches.
    straight: Option<Decompress>,
    shown: Shown,
    crc: crc32fast::Hasher,
    size: u64,
}

/// A stretch that was handed out.
struct Stretch {
    packed: Arc<Vec<u8>>,
    result: Receiver<Found>,
    found: Option<Found>,
}

/// What inflating a stretch showed.
enum Found {
    /// No block starts at its beginning, or it is damaged.
    NoStart,
    /// It ends inside a block.
    OpenEnd,
    /// It ends where a block ends.
    Whole(Vec<u8>),
    /// It ends with the last block of the stream, and so many bytes behind it.
    Last(Vec<u8>, usize),
}

impl<R: BufRead> ParallelGunzip<R> {
    /// `file` is at its beginning. `counter` tells how much of it was needed.
    pub(super) fn new(mut file: R, counter: Arc<AtomicU64>) -> io::Result<Self> {
        let mut header = HEADER;
        file.read_exact(&mut header)?;
        counter.fetch_add(HEADER.len() as u64, Ordering::Relaxed);
        Ok(ParallelGunzip {
            ahead: Ahead::new(file),
            workers: Workers::start(LONGEST as u64, |packed: &Arc<Vec<u8>>| inflate(packed))?,
            under_way: VecDeque::new(),
            straight: None,
            shown: Shown::new(counter),
            crc: crc32fast::Hasher::new(),
            size: 0,
        })
    }

    /// Shows the bytes that come next; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.straight.is_some() {
            return self.inflate_on();
        }
        self.fill()?;
        let Some(mut first) = self.under_way.pop_front() else { return Ok(false) };
        let mut found = first.found()?;
        let mut joined = 1;
        loop {
            let ends_here = match &found {
                Found::NoStart | Found::OpenEnd => false,
                Found::Last(..) => true,
                Found::Whole(_) => {
                    self.fill()?;
                    self.next_starts()?
                }
            };
            if ends_here {
                break;
            }
            if joined == JOINED || matches!(found, Found::NoStart) {
                self.take_back(&first.packed);
                self.straight = Some(Decompress::new(false));
                return self.inflate_on();
            }
            self.fill()?;
            let next = self.under_way.pop_front().ok_or(io::ErrorKind::UnexpectedEof)?;
            first.packed = Arc::new([&first.packed[..], &next.packed].concat());
            found = inflate(&first.packed);
            joined += 1;
        }
        let packed = first.packed.len();
        match found {
            Found::Whole(bytes) => self.show(bytes, packed),
            Found::Last(bytes, behind) => {
                self.take_back(&first.packed[packed - behind..]);
                self.end(bytes, packed - behind)?;
            }
            Found::NoStart | Found::OpenEnd => unreachable!("the loop ends with whole blocks"),
        }
        Ok(true)
    }

    /// Puts `rest` ahead again, and all that was handed out behind it.
    fn take_back(&mut self, rest: &[u8]) {
        let behind = std::mem::take(&mut self.under_way);
        let behind = behind.iter().map(|stretch| &stretch.packed[..]);
        self.ahead.put_back(&std::iter::once(rest).chain(behind).collect::<Vec<_>>());
    }

    /// Inflates what is ahead, a part at a time.
    fn inflate_on(&mut self) -> io::Result<bool> {
        let Some(decoder) = &mut self.straight else { return Ok(false) };
        let mut out = Vec::with_capacity(PART);
        let before = decoder.total_in();
        let status = decoder.decompress_vec(self.ahead.bytes(), &mut out, FlushDecompress::None)?;
        let read = usize::try_from(decoder.total_in() - before).map_err(io::Error::other)?;
        self.ahead.skip(read);
        if status == Status::StreamEnd {
            self.straight = None;
            self.end(out, read)?;
        } else if read > 0 || !out.is_empty() {
            self.show(out, read);
        } else if self.ahead.ended() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        } else {
            self.ahead.read_on()?;
        }
        Ok(true)
    }

    /// Whether a block starts where the next stretch does; there must be one.
    fn next_starts(&mut self) -> io::Result<bool> {
        match self.under_way.front_mut() {
            None => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(next) => {
                let found = next.found()?;
                let starts = !matches!(found, Found::NoStart);
                next.found = Some(found);
                Ok(starts)
            }
        }
    }

    fn show(&mut self, bytes: Vec<u8>, packed: usize) {
        self.crc.update(&bytes);
        self.size += bytes.len() as u64;
        self.shown.show(bytes, packed);
    }

    /// Shows the last bytes, and checks the trailer, which is ahead; nothing
    /// but zeros comes after it.
    fn end(&mut self, bytes: Vec<u8>, packed: usize) -> io::Result<()> {
        while self.ahead.bytes().len() < TRAILER {
            if self.ahead.ended() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ahead.read_on()?;
        }
        let trailer = self.ahead.take(TRAILER);
        let filling = self.skip_zeros()?;
        self.show(bytes, packed + TRAILER + filling);
        let (crc, size) = trailer.split_at(4);
        let size_matches = size == &self.size.to_le_bytes()[..4];
        if crc != self.crc.clone().finalize().to_le_bytes() || !size_matches {
            return Err(damaged("the checksum is another one"));
        }
        Ok(())
    }

    /// How many zeros there are to the end of the file: the rest of a block of
    /// a tape.
    fn skip_zeros(&mut self) -> io::Result<usize> {
        let mut zeros = 0;
        loop {
            let ahead = self.ahead.bytes();
            if ahead.iter().any(|byte| *byte != 0) {
                return Err(damaged("something else behind the end"));
            }
            let count = ahead.len();
            self.ahead.skip(count);
            zeros += count;
            if self.ahead.ended() {
                return Ok(zeros);
            }
            self.ahead.read_on()?;
        }
    }

    /// Hands out stretches until enough are under way.
    fn fill(&mut self) -> io::Result<()> {
        while self.under_way.len() < self.workers.most
            && !(self.ahead.ended() && self.ahead.bytes().is_empty())
        {
            let packed = Arc::new(self.cut()?);
            let result = self.workers.hand_out(Arc::clone(&packed))?;
            self.under_way.push_back(Stretch { packed, result, found: None });
        }
        Ok(())
    }

    /// The bytes up to a mark, or all that is left.
    fn cut(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = SHORTEST;
        loop {
            let ahead = self.ahead.bytes();
            if let Some(found) = ahead.get(searched..).and_then(|rest| memmem::find(rest, &MARK)) {
                return Ok(self.ahead.take(searched + found + MARK.len()));
            }
            if self.ahead.ended() {
                return Ok(self.ahead.take_all());
            }
            if ahead.len() > LONGEST {
                return Err(damaged("a block without an end"));
            }
            // A mark may have come in half.
            searched = searched.max(ahead.len().saturating_sub(MARK.len() - 1));
            self.ahead.read_on()?;
        }
    }
}

impl<R: BufRead> Read for ParallelGunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.shown.is_empty() {
            if !self.advance()? {
                return Ok(0);
            }
        }
        Ok(self.shown.read(buffer))
    }
}

impl Stretch {
    fn found(&mut self) -> io::Result<Found> {
        match self.found.take() {
            Some(found) => Ok(found),
            None => self.result.recv().map_err(io::Error::other),
        }
    }
}

/// Inflates a stretch of independent blocks.
fn inflate(packed: &[u8]) -> Found {
    let mut decoder = Decompress::new(false);
    let mut out = Vec::with_capacity((packed.len() * 4).min(LARGEST));
    match decode(&mut decoder, packed, &mut out) {
        Err(_) => Found::NoStart,
        Ok(Some(read)) => Found::Last(out, packed.len() - read),
        Ok(None) => {
            let length = out.len();
            match decode(&mut decoder, &NOTHING, &mut out) {
                Ok(Some(read)) if read == NOTHING.len() && out.len() == length => Found::Whole(out),
                _ => Found::OpenEnd,
            }
        }
    }
}

/// Feeds a decoder; tells how many bytes it took if the stream ended.
fn decode(decoder: &mut Decompress, mut packed: &[u8], out: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let all = packed.len();
    loop {
        if out.len() == out.capacity() {
            out.reserve(out.len().max(64 << 10));
        }
        if out.len() > LARGEST {
            return Err(damaged("a block that is too large"));
        }
        let (read, written) = (decoder.total_in(), out.len());
        let status = decoder.decompress_vec(packed, out, FlushDecompress::None).map_err(io::Error::other)?;
        packed = &packed[usize::try_from(decoder.total_in() - read).map_err(io::Error::other)?..];
        match status {
            Status::StreamEnd => return Ok(Some(all - packed.len())),
            // Nothing moves any more, and there was room.
            _ if packed.is_empty() && out.len() < out.capacity() => return Ok(None),
            Status::BufError
                if decoder.total_in() == read && out.len() == written && out.len() < out.capacity() =>
            {
                return Ok(None);
            }
            _ => {}
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::deflate::{Deflater, Next};
    use super::*;

    /// A member of these blocks.
    fn member(blocks: &[Vec<u8>], level: u32) -> Vec<u8> {
        let mut deflater = Deflater::new(level);
        let mut out = HEADER.to_vec();
        for block in blocks {
            deflater.block(block, Next::Block, &mut out);
        }
        deflater.block(&[], Next::End, &mut out);
        let whole = blocks.concat();
        out.extend(crc32fast::hash(&whole).to_le_bytes());
        out.extend(u32::try_from(whole.len()).unwrap().to_le_bytes());
        out
    }

    fn read(member: &[u8]) -> io::Result<Vec<u8>> {
        let counter = Arc::new(AtomicU64::new(0));
        let mut out = Vec::new();
        ParallelGunzip::new(member, Arc::clone(&counter))?.read_to_end(&mut out)?;
        assert_eq!(counter.load(Ordering::Relaxed), member.len() as u64);
        Ok(out)
    }

    /// Bytes that don't compress.
    fn noise(length: usize, mut seed: u64) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// A block that is stored, with marks all over.
    fn treacherous(length: usize) -> Vec<u8> {
        marked(length, 997)
    }

    fn marked(length: usize, step: usize) -> Vec<u8> {
        let mut block = noise(length, 5);
        for start in (0..length.saturating_sub(4)).step_by(step) {
            block[start..start + 4].copy_from_slice(&MARK);
        }
        block
    }

    #[test]
    fn marks_inside_of_blocks_do_no_harm() {
        let blocks: Vec<Vec<u8>> = vec![
            treacherous(300_000),
            vec![b'x'; 900_000],
            treacherous(70_000),
            Vec::new(),
            noise(1 << 20, 3),
        ];
        for level in [0, 1, 5, 9] {
            assert!(read(&member(&blocks, level)).unwrap() == blocks.concat(), "level {level}");
        }
    }

    #[test]
    fn a_file_that_is_full_of_marks_is_read() {
        for step in [4, 1000, SHORTEST - 4, SHORTEST + 104, 9000, 100_000] {
            let blocks = vec![marked(1 << 20, step); 20];
            assert!(read(&member(&blocks, 0)).unwrap() == blocks.concat(), "every {step} bytes");
        }
    }

    #[test]
    fn a_mark_may_reach_into_the_trailer() {
        // Whether it is looked for depends on its distance from the mark before.
        for distance in SHORTEST - 40..SHORTEST + 10 {
            let raw = noise(distance, 1);
            let sum_with = |tail: &[u8]| {
                let mut sum = crc32fast::Hasher::new();
                sum.update(&raw);
                sum.update(tail);
                sum.finalize()
            };
            // Its first half ends the last block, which is stored; the checksum begins with the second.
            let mut tails = (0_u32..).map(|number| [&number.to_le_bytes()[..], &[0, 0]].concat());
            let tail = tails.find(|tail| sum_with(tail) & 0xffff == 0xffff).unwrap();
            let (mut deflater, mut member) = (Deflater::new(0), HEADER.to_vec());
            deflater.block(&raw, Next::Block, &mut member);
            deflater.block(&tail, Next::End, &mut member);
            member.extend(sum_with(&tail).to_le_bytes());
            let whole = [raw, tail].concat();
            member.extend(u32::try_from(whole.len()).unwrap().to_le_bytes());
            assert!(read(&member).unwrap() == whole, "{distance}");
        }
    }

    #[test]
    fn what_compresses_best_is_read_in_short_stretches() {
        let blocks = vec![vec![0; 1 << 20]; 40];
        let member = member(&blocks, 4);
        assert!(member.len() > 8 * SHORTEST, "{} bytes", member.len());
        assert!(read(&member).unwrap() == blocks.concat());
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let whole = member(&[noise(200_000, 1), vec![7; 200_000], noise(100_000, 2)], 5);
        for place in (HEADER.len()..whole.len()).step_by(whole.len() / 40) {
            let mut flipped = whole.clone();
            flipped[place] ^= 0xff;
            assert!(read(&flipped).is_err(), "flipped at {place}");
            assert!(read(&whole[..place]).is_err(), "cut at {place}");
        }
        assert!(read(&whole[..whole.len() - 1]).is_err());
        assert!(read(&[&whole[..], b"more"].concat()).is_err());
        assert!(read(&[&whole[..], &[0; 9], b"more"].concat()).is_err());
    }

    #[test]
    fn zeros_may_follow() {
        let blocks = [noise(200_000, 1), noise(100, 2)];
        for count in [1, SHORTEST, 1 << 20] {
            let filled = [member(&blocks, 5), vec![0; count]].concat();
            assert!(read(&filled).unwrap() == blocks.concat(), "{count}");
        }
    }

    #[test]
    fn a_stream_whose_blocks_depend_on_each_other_is_read_or_refused_but_never_wrong() {
        let mut encoder = flate2::write::DeflateEncoder::new(HEADER.to_vec(), flate2::Compression::new(5));
        let text = noise(40_000, 9);
        for _ in 0..8 {
            encoder.write_all(&text).unwrap();
            encoder.flush().unwrap();
        }
        let whole = text.repeat(8);
        let mut stream = encoder.finish().unwrap();
        stream.extend(crc32fast::hash(&whole).to_le_bytes());
        stream.extend(u32::try_from(whole.len()).unwrap().to_le_bytes());
        if let Ok(found) = read(&stream) {
            assert!(found == whole);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn what_was_deflated_in_blocks_is_inflated_again(
            blocks in proptest::collection::vec((0usize..200_000, any::<u64>(), 1u8..=8), 0..8),
            level in 0u32..=9,
        ) {
            let blocks: Vec<Vec<u8>> = blocks
                .into_iter()
                .map(|(length, seed, bits)| {
                    noise(length, seed).into_iter().map(|byte| byte >> (8 - bits)).collect()
                })
                .collect();
            prop_assert!(read(&member(&blocks, level)).unwrap() == blocks.concat());
        }
    }
}
