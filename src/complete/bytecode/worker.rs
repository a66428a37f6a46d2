//! An interpreter that compiles one source after the other.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::magic::Magic;
use crate::interrupt;
use crate::prefix::Python;

const PROGRAM: &str = include_str!("worker.py");

/// More than any module has: what claims to be longer is no answer.
const LONGEST: u64 = 1 << 30;

/// How often a thread that waits for an answer looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// A running interpreter; killed when dropped.
pub(super) struct Worker {
    child: Child,
    jobs: ChildStdin,
    results: Results,
}

/// What comes from an interpreter, until the user interrupts.
struct Results {
    /// From a thread that reads: a pipe can't be waited for and Ctrl-C too.
    arriving: Receiver<io::Result<Vec<u8>>>,
    arrived: io::Cursor<Vec<u8>>,
}

impl Results {
    fn of(mut pipe: ChildStdout) -> io::Result<Self> {
        let (sender, arriving) = mpsc::sync_channel(1);
        // It ends with the interpreter, or when nobody listens.
        thread::Builder::new().spawn(move || {
            loop {
                let mut bytes = vec![0; 64 * 1024];
                let read = pipe.read(&mut bytes);
                let ended = !matches!(read, Ok(1..));
                let read = read.map(|length| {
                    bytes.truncate(length);
                    bytes
                });
                if sender.send(read).is_err() || ended {
                    break;
                }
            }
        })?;
        Ok(Results { arriving, arrived: io::Cursor::default() })
    }
}

impl Read for Results {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.arrived.position() == self.arrived.get_ref().len() as u64 {
            interrupt::check().map_err(io::Error::other)?;
            match self.arriving.recv_timeout(PATIENCE) {
                Ok(read) => self.arrived = io::Cursor::new(read?),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
            if self.arrived.get_ref().is_empty() {
                return Ok(0);
            }
        }
        self.arrived.read(buffer)
    }
}

impl Worker {
    /// Starts the interpreter of an environment without its packages.
    ///
    /// `-I` would ignore the hash seed with all other variables, so they are
    /// taken away one by one.
    ///
    /// # Errors
    /// If there is no such interpreter here, or the user interrupts.
    pub(super) fn start(python: &Python, magic: Magic) -> io::Result<Self> {
        let mut command = Command::new(&python.executable);
        command
            .args(["-S", "-s", "-B", "-W", "ignore", "-c", PROGRAM])
            .env_clear()
            .env("PYTHONHASHSEED", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is ours to handle.
            .process_group(0);
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let mut child = command.spawn()?;
        let (Some(jobs), Some(results)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let results = Results::of(results).inspect_err(|_| {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        })?;
        let mut worker = Worker { child, jobs, results };
        let mut found = [0; 4];
        worker.results.read_exact(&mut found).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("it ends at once"),
            _ => error,
        })?;
        if found == magic.bytes {
            Ok(worker)
        } else {
            Err(io::Error::other("its magic number is another one"))
        }
    }

    /// The marshalled code of a module; `None` if it can't be compiled.
    ///
    /// # Errors
    /// If the interpreter has ended, or the user interrupts.
    pub(super) fn compile(&mut self, source: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.jobs.write_all(&(source.len() as u64).to_le_bytes())?;
        self.jobs.write_all(source)?;
        let mut length = [0; 8];
        self.results.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut made = Vec::new();
        (&mut self.results).take(length).read_to_end(&mut made)?;
        if made.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((length > 0).then_some(made))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
