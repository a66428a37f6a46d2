//! An interpreter that compiles one source after the other.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::magic::Magic;
use crate::prefix::Python;

const PROGRAM: &str = include_str!("worker.py");

/// More than any module has: what claims to be longer is no answer.
const LONGEST: u64 = 1 << 30;

/// A running interpreter; killed when dropped.
pub(super) struct Worker {
    child: Child,
    jobs: ChildStdin,
    results: ChildStdout,
}

impl Worker {
    /// Starts the interpreter of an environment without its packages.
    ///
    /// `-I` would ignore the hash seed with all other variables, so they are
    /// taken away one by one.
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
        let mut worker = Worker { child, jobs, results };
        let mut found = [0; 4];
        worker.results.read_exact(&mut found)?;
        if found == magic.bytes {
            Ok(worker)
        } else {
            Err(io::Error::other("its magic number is another one"))
        }
    }

    /// The marshalled code of a module; `None` if it can't be compiled.
    ///
    /// # Errors
    /// If the interpreter has ended.
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
