//! Child processes: uv, pip, shells and interpreters, which must not outlive us.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Explain, Kind};
use crate::interrupt::{self, Interrupted};

/// How often a waiting thread looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(20);

/// A child process could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("`{program}` can't be run")]
    Spawn { program: String, source: io::Error },
    #[error("can't write to the folder for temporary files, `{}`", folder.display())]
    Scratch { folder: PathBuf, source: io::Error },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Explain for ProcessError {
    fn kind(&self) -> Kind {
        match self {
            ProcessError::Spawn { .. } | ProcessError::Scratch { .. } => Kind::Input,
            ProcessError::Interrupted(_) => Kind::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ProcessError::Spawn { .. } => Some("check that it exists and may be executed".into()),
            ProcessError::Scratch { .. } => Some("set TMPDIR to a folder that can be written".into()),
            ProcessError::Interrupted(_) => None,
        }
    }
}

/// What a process left behind. It may hold secrets: redact before showing.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// All that it wrote, errors last.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout.trim_end(), self.stderr.trim_end()).trim().to_owned()
    }
}

/// Runs a command without input and collects its output. On Ctrl-C it is
/// killed, with all that it started.
///
/// # Errors
/// If it can't be started, or the user interrupts. A failure of the command is
/// none.
pub fn run(command: &mut Command) -> Result<Finished, ProcessError> {
    let mut running = Running::start(command)?;
    let status = loop {
        if let Some(status) = running.poll()? {
            break status;
        }
    };
    Ok(running.finish(status))
}

/// The same, and removes its temporary files when it ends, however it does:
/// whoever is killed can't tidy up, and uv never removes the lock of an
/// interpreter.
///
/// # Errors
/// As [`run`], or if there is no place for temporary files.
pub fn run_with_scratch(command: &mut Command) -> Result<Finished, ProcessError> {
    let folder = std::env::temp_dir();
    // A short path: builds may put sockets there, whose paths end after 107
    // bytes (`unix(7)`).
    let scratch = tempfile::Builder::new()
        .prefix("envship-")
        .tempdir_in(&folder)
        .map_err(|source| ProcessError::Scratch { folder, source })?;
    run(command.env("TMPDIR", scratch.path()))
}

/// The same as [`run`], but kills what is still running after `limit`, and what the
/// command left running when it ended. `None` if the time was over.
///
/// # Errors
/// As [`run`].
pub fn run_within(command: &mut Command, limit: Duration) -> Result<Option<Finished>, ProcessError> {
    let mut running = Running::start(command)?;
    let begun = Instant::now();
    let status = loop {
        match running.poll()? {
            Some(status) => break Some(status),
            None if begun.elapsed() > limit => break None,
            None => {}
        }
    };
    kill_group(&mut running.child);
    Ok(status.map(|status| running.finish(status)))
}

/// A command whose output is being collected.
struct Running {
    program: OsString,
    child: Child,
    stdout: thread::JoinHandle<Vec<u8>>,
    stderr: thread::JoinHandle<Vec<u8>>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, ProcessError> {
        interrupt::check()?;
        let program = command.get_program().to_owned();
        // A group of its own: pip and uv start compilers.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| failed(&program, source))?;
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let (stdout, stderr) = match (stdout, stderr) {
            (Ok(stdout), Ok(stderr)) => (stdout, stderr),
            (Err(source), _) | (_, Err(source)) => {
                kill_group(&mut child);
                return Err(failed(&program, source));
            }
        };
        Ok(Running { program, child, stdout, stderr })
    }

    /// Waits a moment for the end. On Ctrl-C everything is killed.
    fn poll(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        let status = self.child.try_wait().map_err(|source| failed(&self.program, source))?;
        if status.is_none() {
            if let Err(interrupted) = interrupt::check() {
                kill_group(&mut self.child);
                return Err(interrupted.into());
            }
            thread::sleep(POLL);
        }
        Ok(status)
    }

    fn finish(self, status: ExitStatus) -> Finished {
        let text = |thread: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        Finished { status, stdout: text(self.stdout), stderr: text(self.stderr) }
    }
}

fn failed(program: &OsStr, source: io::Error) -> ProcessError {
    ProcessError::Spawn { program: program.to_string_lossy().into_owned(), source }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> io::Result<thread::JoinHandle<Vec<u8>>> {
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is worth having.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn kill_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_come_back() {
        let finished = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.output(), "out\nerr");
    }

    #[test]
    fn temporary_files_are_gone_when_a_command_has_ended() {
        let script = "echo x > $TMPDIR/left; mkdir $TMPDIR/folder; echo $TMPDIR; exit 1";
        let finished = run_with_scratch(Command::new("sh").args(["-c", script])).unwrap();
        let folder = PathBuf::from(finished.stdout.trim());
        assert!(folder.starts_with(std::env::temp_dir()) && folder != std::env::temp_dir());
        assert!(!folder.exists(), "{}", folder.display());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nowhere/uv")).err().unwrap();
        assert_eq!(error.to_string(), "`/nowhere/uv` can't be run");
    }

    #[test]
    fn a_group_is_killed_with_all_that_it_started() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo started; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_exact(&mut [0; 8]).unwrap();
        kill_group(&mut child);
        // The grandchild holds the pipe open for as long as it lives.
        let begun = std::time::Instant::now();
        pipe.read_to_end(&mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_takes_too_long_is_killed_and_so_is_what_it_left() {
        let begun = Instant::now();
        let limit = Duration::from_millis(200);
        assert!(run_within(Command::new("sh").args(["-c", "sleep 60"]), limit).unwrap().is_none());
        let finished =
            run_within(Command::new("sh").args(["-c", "sleep 60 & echo out"]), Duration::from_secs(30));
        assert_eq!(finished.unwrap().unwrap().stdout, "out\n");
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
}
