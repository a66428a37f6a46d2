//! Huffman codes of deflate (RFC 1951, 3.2.2), by how far each leads.

/// The longest code.
const LONGEST: usize = 15;

/// Codes up to this length are found by one look into a table; the others are
/// rare by their nature.
const DIRECT: usize = 10;

/// From a code to what is behind it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step<T> {
    /// The length of the code and of the bits that belong to it; 0 where there
    /// is no such code.
    pub bits: u8,
    /// What the code stands for.
    pub what: T,
}

/// A code, asked by the next bits of a stream.
pub(super) struct Code<T> {
    /// By the next [`DIRECT`] bits.
    table: Box<[Step<T>; 1 << DIRECT]>,
    /// How many codes there are of each length.
    counts: [usize; LONGEST + 1],
    /// In the order of their codes.
    steps: Vec<Step<T>>,
}

impl<T: Copy + Default> Default for Code<T> {
    fn default() -> Self {
        let table = Box::new([Step::default(); 1 << DIRECT]);
        Code { table, counts: [0; LONGEST + 1], steps: Vec::new() }
    }
}

impl<T: Copy + Default> Code<T> {
    /// Makes this the code with these lengths by symbol, 0 where there is no
    /// code; `None` if there are too many. `meaning` tells what a symbol stands
    /// for, and how many bits follow its code.
    pub fn define(&mut self, lengths: &[u8], meaning: impl Fn(usize) -> (T, usize)) -> Option<()> {
        self.counts = [0; LONGEST + 1];
        let used = || lengths.iter().map(|length| usize::from(*length)).enumerate().filter(|(_, l)| *l > 0);
        used().for_each(|(_, length)| self.counts[length] += 1);
        // The first code of each length, and the place of its step.
        let (mut codes, mut places) = ([0; LONGEST + 2], [0; LONGEST + 2]);
        for (length, count) in self.counts.iter().enumerate() {
            if codes[length] + count > 1 << length {
                return None;
            }
            codes[length + 1] = (codes[length] + count) << 1;
            places[length + 1] = places[length] + count;
        }
        self.steps.clear();
        self.steps.resize(places[LONGEST + 1], Step::default());
        self.table.fill(Step::default());
        for (symbol, length) in used() {
            let (what, extra) = meaning(symbol);
            let step = Step { bits: u8::try_from(length + extra).ok()?, what };
            self.steps[places[length]] = step;
            places[length] += 1;
            if length <= DIRECT {
                // A code comes with its highest bit first, all else with its lowest.
                let first = codes[length].reverse_bits() >> (usize::BITS as usize - length);
                self.table.iter_mut().skip(first).step_by(1 << length).for_each(|entry| *entry = step);
            }
            codes[length] += 1;
        }
        Some(())
    }

    /// What the next bits are; `None` if they are no code.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // ten bits
    pub fn step(&self, bits: u64) -> Option<Step<T>> {
        let step = self.table[(bits % (1 << DIRECT)) as usize];
        if step.bits > 0 { Some(step) } else { self.long(bits) }
    }

    /// Looks for a code bit by bit.
    #[cold]
    fn long(&self, bits: u64) -> Option<Step<T>> {
        let (mut code, mut first, mut place) = (0, 0, 0);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code = code << 1 | usize::from(bits >> (length - 1) & 1 == 1);
            if code < first + count {
                return Some(self.steps[place + code - first]);
            }
            place += count;
            first = (first + count) << 1;
        }
        None
    }
}
