//! Where the last block of a deflate stream (RFC 1951) begins and where it
//! ends, to the bit: what has to be known to let something follow it.
//!
//! Only the lengths of codes matter for that, so the stream is walked without
//! being inflated: no byte is made, no distance followed. It costs about a
//! fifth of compressing.

use super::code::Code;

/// The order in which the lengths of the code for code lengths come (3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// How many bits [`Bits::peek`] gives at least.
const PEEKED: usize = 57;

/// The longest code of a distance, with the bits behind it.
const LONGEST_DISTANCE: usize = 15 + 13;

/// Places in a stream, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// Of the header of the last block.
    pub last_block: usize,
    /// Behind the last block.
    pub end: usize,
}

/// Walks a stream to its end; `None` if it is none.
pub(super) fn walk(stream: &[u8]) -> Option<Ends> {
    let mut bits = Bits { bytes: stream, at: 0 };
    let mut codes = Codes::default();
    loop {
        let last_block = bits.at;
        let is_last = bits.take(1) == 1;
        match bits.take(2) {
            0 => bits.stored()?,
            1 => {
                codes.define(&fixed_literals(), &[5; 32])?;
                bits.coded(&codes)?;
            }
            2 => {
                let (lengths, split) = bits.lengths()?;
                codes.define(&lengths[..split], &lengths[split..])?;
                bits.coded(&codes)?;
            }
            _ => return None,
        }
        if bits.at > stream.len() * 8 {
            return None;
        }
        if is_last {
            return Some(Ends { last_block, end: bits.at });
        }
    }
}

/// The codes of a block.
#[derive(Default)]
struct Codes {
    literals: Code<Kind>,
    distances: Code<Kind>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Literal,
    /// The length of a match, which a distance follows; or the distance.
    Match,
    /// The end of the block.
    End,
}

impl Codes {
    /// From the lengths of the codes, 0 where there is none.
    fn define(&mut self, literals: &[u8], distances: &[u8]) -> Option<()> {
        self.literals.define(literals, literal)?;
        self.distances.define(distances, distance)
    }
}

/// What a literal or a length is, and how many bits belong to it (3.2.5).
fn literal(symbol: usize) -> (Kind, usize) {
    match symbol {
        0..256 => (Kind::Literal, 0),
        256 => (Kind::End, 0),
        265..285 => (Kind::Match, (symbol - 261) / 4),
        _ => (Kind::Match, 0),
    }
}

/// As [`literal`], of a distance.
fn distance(symbol: usize) -> (Kind, usize) {
    (Kind::Match, symbol.saturating_sub(2) / 2)
}

/// The lengths of literals and lengths where a block defines none (3.2.6).
fn fixed_literals() -> [u8; 288] {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths
}

/// A stream, read from its lowest bit up.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At least [`PEEKED`] bits; behind the stream there are zeros.
    #[inline]
    fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.bytes.get(byte..byte + 8) {
            Some(bytes) => u64::from_le_bytes(bytes.try_into().expect("eight bytes")),
            None => self.peek_at_the_end(byte),
        };
        word >> (self.at % 8)
    }

    #[cold]
    fn peek_at_the_end(&self, byte: usize) -> u64 {
        let mut word = [0; 8];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        word[..rest.len()].copy_from_slice(rest);
        u64::from_le_bytes(word)
    }

    #[allow(clippy::cast_possible_truncation)] // at most sixteen bits are taken
    fn take(&mut self, count: usize) -> usize {
        let bits = self.peek() & ((1 << count) - 1);
        self.at += count;
        bits as usize
    }

    /// Walks a stored block (3.2.4).
    fn stored(&mut self) -> Option<()> {
        self.at = self.at.next_multiple_of(8);
        let (length, complement) = (self.take(16), self.take(16));
        self.at += length * 8;
        (length ^ complement == 0xffff).then_some(())
    }

    /// The lengths of the codes that a block defines (3.2.7), and how many of
    /// them are of literals and lengths.
    fn lengths(&mut self) -> Option<(Vec<u8>, usize)> {
        let literals = self.take(5) + 257;
        let total = literals + self.take(5) + 1;
        let count = self.take(4) + 4;
        let mut lengths = [0; 19];
        for place in &ORDER[..count] {
            lengths[*place] = u8::try_from(self.take(3)).ok()?;
        }
        let mut code = Code::default();
        code.define(&lengths, |symbol| (symbol, 0))?;
        let mut lengths = Vec::with_capacity(320);
        while lengths.len() < total {
            let step = code.step(self.peek())?;
            self.at += usize::from(step.bits);
            let (length, times) = match step.what {
                16 => (*lengths.last()?, 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (u8::try_from(length).ok()?, 1),
            };
            lengths.resize(lengths.len() + times, length);
        }
        (lengths.len() == total).then_some((lengths, literals))
    }

    /// Walks what is behind the header of a block with codes.
    fn coded(&mut self, codes: &Codes) -> Option<()> {
        while self.at <= self.bytes.len() * 8 {
            let mut word = self.peek();
            let mut step = codes.literals.step(word)?;
            let mut used = usize::from(step.bits);
            // Three codes of fifteen bits fit into what was peeked at.
            for _ in 0..2 {
                if step.what == Kind::Literal {
                    word >>= step.bits;
                    step = codes.literals.step(word)?;
                    used += usize::from(step.bits);
                }
            }
            if step.what == Kind::Match {
                if used + LONGEST_DISTANCE <= PEEKED {
                    word >>= step.bits;
                } else {
                    self.at += used;
                    used = 0;
                    word = self.peek();
                }
                used += usize::from(codes.distances.step(word)?.bits);
            }
            self.at += used;
            if step.what == Kind::End {
                return Some(());
            }
        }
        None
    }
}
