//! A tar.zst of small frames, decompressed on all cores.
//!
//! A frame tells where it ends (RFC 8878, 3.1.1), so that it can be handed to
//! a thread as soon as it has been read. Ours hold a few megabytes each; from
//! the first frame that is larger on, of whatever maker, one thread reads all.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ::zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};
use crossbeam_channel::Receiver;

use super::ahead::{Ahead, Counted, Shown, Workers};
use super::zstd::BLOCK;

/// What a frame may hold to be handed out, and what it may take, in bytes: more
/// than any of ours.
const LARGEST: u64 = 2 * BLOCK;
const LONGEST: usize = 9 << 20;

/// What frames may hold that are handed out together, in bytes: one by one,
/// small ones would cost more than they gain.
const SMALL: usize = 1 << 20;

pub(super) struct ParallelUnzstd<'a> {
    ahead: Ahead<Box<dyn BufRead + 'a>>,
    workers: Workers<Frames, io::Result<Vec<u8>>>,
    under_way: VecDeque<(usize, Receiver<io::Result<Vec<u8>>>)>,
    shown: Shown,
    rest: Option<Box<dyn Read + 'a>>,
    counter: Arc<AtomicU64>,
}

/// Whole frames, and how much they hold.
struct Frames {
    packed: Vec<u8>,
    size: usize,
}

impl<'a> ParallelUnzstd<'a> {
    /// `counter` tells how much of `file` was needed.
    pub(super) fn new(file: Box<dyn BufRead + 'a>, counter: Arc<AtomicU64>) -> io::Result<Self> {
        Ok(ParallelUnzstd {
            ahead: Ahead::new(file),
            workers: Workers::start(BLOCK, decompress)?,
            under_way: VecDeque::new(),
            shown: Shown::new(Arc::clone(&counter)),
            rest: None,
            counter,
        })
    }

    /// Hands out frames until enough are under way or one is too large.
    fn fill(&mut self) -> io::Result<()> {
        while self.rest.is_none() && self.under_way.len() < self.workers.most {
            while !self.ahead.ended() && self.ahead.bytes().len() < LONGEST {
                self.ahead.read_on()?;
            }
            if self.ahead.bytes().is_empty() {
                return Ok(());
            }
            let Some((length, size)) = frames(self.ahead.bytes()) else {
                let nothing = Ahead::new(Box::new(io::empty()) as Box<dyn BufRead>);
                let file = std::mem::replace(&mut self.ahead, nothing).into_rest();
                let file = Counted { file, consumed: Arc::clone(&self.counter) };
                self.rest = Some(Box::new(::zstd::Decoder::new(file)?));
                return Ok(());
            };
            let packed = self.ahead.take(length);
            self.under_way.push_back((length, self.workers.hand_out(Frames { packed, size })?));
        }
        Ok(())
    }
}

impl Read for ParallelUnzstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.shown.is_empty() {
            self.fill()?;
            match (self.under_way.pop_front(), &mut self.rest) {
                (Some((packed, result)), _) => {
                    self.shown.show(result.recv().map_err(io::Error::other)??, packed);
                }
                (None, Some(rest)) => return rest.read(buffer),
                (None, None) => return Ok(0),
            }
        }
        Ok(self.shown.read(buffer))
    }
}

/// How long the frames are that `bytes` begin with, and how much they hold: one
/// to hand out, and of those behind it as many as are small together.
fn frames(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut length, mut size) = frame(bytes)?;
    while let Some((longer, larger)) = frame(&bytes[length..])
        && size + larger <= SMALL
    {
        (length, size) = (length + longer, size + larger);
    }
    Some((length, size))
}

fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = find_frame_compressed_size(bytes).ok()?;
    let size = get_frame_content_size(bytes).ok()??;
    (size <= LARGEST && length <= bytes.len()).then_some((length, usize::try_from(size).ok()?))
}

fn decompress(frames: &Frames) -> io::Result<Vec<u8>> {
    ::zstd::bulk::decompress(&frames.packed, frames.size)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::codec::Codec;
    use super::super::deflate::Next;
    use super::super::zstd::Zstd;
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|index| u8::try_from(index * index / 7 % 251).unwrap()).collect()
    }

    fn ours(blocks: &[Vec<u8>]) -> Vec<u8> {
        let codec = Zstd { level: 3 };
        let mut compressor = codec.compressor().unwrap();
        let packed: Vec<Vec<u8>> =
            blocks.iter().map(|block| compressor(block, Next::Block).unwrap()).collect();
        let sizes =
            packed.iter().zip(blocks).map(|(packed, block)| (packed.len() as u64, block.len() as u64));
        [packed.concat(), codec.trailer(0, &sizes.collect::<Vec<_>>())].concat()
    }

    fn read(packed: &[u8]) -> io::Result<Vec<u8>> {
        let counter = Arc::new(AtomicU64::new(0));
        let mut out = Vec::new();
        ParallelUnzstd::new(Box::new(packed), Arc::clone(&counter))?.read_to_end(&mut out)?;
        assert_eq!(counter.load(Ordering::Relaxed), packed.len() as u64);
        Ok(out)
    }

    #[test]
    fn frames_of_any_maker_are_read() {
        let blocks = [text(100), text(5 << 20), Vec::new(), text(300_000)];
        assert!(read(&ours(&blocks)).unwrap() == blocks.concat());
        let large = text(30 << 20);
        let one = ::zstd::encode_all(large.as_slice(), 1).unwrap();
        assert!(read(&one).unwrap() == large);
        let mixed = [ours(&blocks), one].concat();
        assert!(read(&mixed).unwrap() == [blocks.concat(), large].concat());
        let small: Vec<Vec<u8>> = (0..20_000).map(|index| text(index % 7 * 600)).collect();
        assert!(read(&ours(&small)).unwrap() == small.concat());
    }

    #[test]
    fn every_frame_of_ours_fits_into_what_is_read_ahead() {
        assert!(::zstd::zstd_safe::compress_bound(usize::try_from(BLOCK).unwrap()) < LONGEST);
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let whole = ours(&[text(2_000_000), text(1_000_000)]);
        let end = whole.len() - 60;
        for place in (0..end).step_by(end / 40) {
            let mut flipped = whole.clone();
            flipped[place] ^= 0xff;
            let cut = &whole[..place.max(1)];
            assert!(read(&flipped).is_err(), "flipped at {place}");
            assert!(read(cut).is_err(), "cut at {place}");
        }
    }
}
