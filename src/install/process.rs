//! Child processes: uv, pip and interpreters, which must not outlive us.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::{Explain, Kind};
use crate::interrupt::{self, Interrupted};

/// How often a waiting thread looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(20);

/// A child process could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("`{program}` can't be run")]
    Spawn { program: String, source: io::Error },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Explain for ProcessError {
    fn kind(&self) -> Kind {
        match self {
            ProcessError::Spawn { .. } => Kind::Input,
            ProcessError::Interrupted(_) => Kind::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ProcessError::Spawn { .. } => Some("check that it exists and may be executed".into()),
            ProcessError::Interrupted(_) => None,
        }
    }
}

/// What a process left behind. It may hold secrets: redact before showing.
pub(super) struct Finished {
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
pub(super) fn run(command: &mut Command) -> Result<Finished, ProcessError> {
    interrupt::check()?;
    let program = command.get_program().to_owned();
    let spawn = |source| ProcessError::Spawn { program: shown(&program), source };
    // A group of its own: pip and uv start compilers.
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(spawn)?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, spawn)?;
    let text = |thread: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
    };
    Ok(Finished { status, stdout: text(stdout), stderr: text(stderr) })
}

fn shown(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is worth having.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn wait(child: &mut Child, failed: impl Fn(io::Error) -> ProcessError) -> Result<ExitStatus, ProcessError> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => return Err(failed(error)),
        }
        if let Err(interrupted) = interrupt::check() {
            kill_group(child);
            return Err(interrupted.into());
        }
        thread::sleep(POLL);
    }
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
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nowhere/uv")).err().unwrap();
        assert_eq!(error.to_string(), "`/nowhere/uv` can't be run");
    }

    #[test]
    fn a_group_is_killed_with_all_that_it_started() {
        let mut child = Command::new("sh").args(["-c", "sleep 60 & wait"]).process_group(0).spawn().unwrap();
        kill_group(&mut child);
        assert!(!child.wait().unwrap().success());
    }
}
