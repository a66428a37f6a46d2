//! What readers share that decode ahead of those who read, on all cores, and
//! how they count.

use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::parallel;

/// What may be decoded ahead of the reader, in bytes: machines with many cores
/// have little memory for each.
const MOST_AHEAD: u64 = 32 << 20;

/// Threads that end when this is dropped.
pub(super) struct Workers<J, T> {
    jobs: Sender<(J, Sender<T>)>,
    /// How many jobs keep all of them busy.
    pub most: usize,
}

impl<J: Send + 'static, T: Send + 'static> Workers<J, T> {
    /// One for each core, as far as there is room for jobs that may hold, or
    /// give, `largest` bytes.
    pub(super) fn start(largest: u64, work: fn(&J) -> T) -> io::Result<Self> {
        let room = usize::try_from(MOST_AHEAD / largest).map_err(io::Error::other)?;
        let threads = parallel::count(0).min(room);
        let (jobs, theirs) = unbounded::<(J, Sender<T>)>();
        for _ in 0..threads {
            let jobs = theirs.clone();
            thread::Builder::new().name("decode".to_owned()).spawn(move || {
                for (job, done) in jobs {
                    // Nobody waits if the reader was dropped.
                    let _ = done.send(work(&job));
                }
            })?;
        }
        Ok(Workers { jobs, most: (2 * threads + 2).min(room) })
    }

    pub(super) fn hand_out(&self, job: J) -> io::Result<Receiver<T>> {
        let (done, result) = bounded(1);
        self.jobs.send((job, done)).map_err(|_| io::Error::other("no thread is left to decode"))?;
        Ok(result)
    }
}

/// What was read from a file, and not handed out yet.
pub(super) struct Ahead<R> {
    file: R,
    bytes: Vec<u8>,
    /// Where in them begins what was not handed out.
    start: usize,
    ended: bool,
}

impl<R: BufRead> Ahead<R> {
    pub(super) fn new(file: R) -> Self {
        Ahead { file, bytes: Vec::new(), start: 0, ended: false }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Whether the end of the file was found.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads some more of the file.
    pub(super) fn read_on(&mut self) -> io::Result<()> {
        // What is left moves over at least as much that was handed out: however
        // little that is at a time, a byte moves about once.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let buffer = self.file.fill_buf()?;
        self.bytes.extend_from_slice(buffer);
        let read = buffer.len();
        self.file.consume(read);
        self.ended = read == 0;
        Ok(())
    }

    /// Hands out the next bytes.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.bytes()[..count].to_vec();
        self.skip(count);
        taken
    }

    pub(super) fn take_all(&mut self) -> Vec<u8> {
        self.take(self.bytes().len())
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// Takes back what was handed out last.
    pub(super) fn put_back(&mut self, parts: &[&[u8]]) {
        let parts = [parts, &[self.bytes()]].concat();
        (self.bytes, self.start) = (parts.concat(), 0);
    }

    /// All that was not handed out, and the rest of the file.
    pub(super) fn into_rest(mut self) -> impl BufRead {
        Cursor::new(self.take_all()).chain(self.file)
    }
}

/// Decoded bytes on their way to who reads them. Tells how much of the archive
/// they took, as if nobody were ahead.
pub(super) struct Shown {
    counter: Arc<AtomicU64>,
    bytes: Vec<u8>,
    position: usize,
    /// What the bytes were decoded from, in bytes, and how much of it was told.
    packed: u64,
    told: u64,
}

impl Shown {
    pub(super) fn new(counter: Arc<AtomicU64>) -> Self {
        Shown { counter, bytes: Vec::new(), position: 0, packed: 0, told: 0 }
    }

    /// Whether all was read.
    pub(super) fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Puts the next bytes there.
    pub(super) fn show(&mut self, bytes: Vec<u8>, packed: usize) {
        (self.bytes, self.position) = (bytes, 0);
        (self.packed, self.told) = (packed as u64, 0);
        if self.is_empty() {
            self.tell(self.packed);
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = &self.bytes[self.position..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        if length > 0 {
            self.tell(self.packed * self.position as u64 / self.bytes.len() as u64);
        }
        length
    }

    fn tell(&mut self, packed: u64) {
        self.counter.fetch_add(packed - self.told, Ordering::Relaxed);
        self.told = packed;
    }
}

/// Tells how much of the archive a codec has asked for.
pub(super) struct Counted<R> {
    pub file: R,
    pub consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.consumed.fetch_add(amount as u64, Ordering::Relaxed);
        self.file.consume(amount);
    }
}
