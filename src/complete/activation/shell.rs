//! A clean shell in which activation scripts run, one after the other, as
//! `conda activate` sources them.
//!
//! Processes are bounded by `rattler_shell`. Its `Activator` would also write
//! the script, but puts the prefix between double quotes, expands `$` in
//! values, and can't say which script failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rattler_shell::process::{ProcessError, ProcessLimits, ProcessOutput, run_bounded};

use crate::error::Result;
use crate::net;

/// What scripts may write; what they print is not kept.
const OUTPUT_LIMIT: usize = 16 << 20;

/// The variables of a process.
pub(super) type Environment = BTreeMap<String, String>;

/// The programs with which scripts are evaluated.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    program: PathBuf,
    /// `env`, which lists the variables.
    env: PathBuf,
    arguments: &'static [&'static str],
    /// For all scripts together.
    pub(super) limit: Duration,
}

/// What scripts did, in their order.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The environment before the first script, and after each.
    Ended { before: Environment, steps: Vec<Step> },
    /// The script at this place didn't come to an end.
    Stuck { at: usize },
    /// The script at this place ended the shell.
    Exited { at: usize },
    /// The shell itself doesn't work.
    Unusable { why: String },
}

/// One script that ended.
#[derive(Debug)]
pub(super) struct Step {
    pub environment: Environment,
    /// What it said, if it also returned a failure.
    pub complaint: Option<String>,
}

impl Shell {
    /// The bash of these folders, else their `sh`.
    pub fn find(folders: &[PathBuf]) -> Option<Self> {
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        let env = find("env")?;
        let bash = find("bash").map(|program| (program, &["--noprofile", "--norc"][..]));
        let (program, arguments) = bash.or_else(|| Some((find("sh")?, &[][..])))?;
        Some(Shell { program, env, arguments, limit: Duration::from_secs(10) })
    }

    /// Runs the scripts with nothing in the environment but `environment`.
    ///
    /// # Errors
    /// If the user interrupts.
    pub fn run(&self, scripts: &[PathBuf], environment: &Environment, folder: &Path) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments)
            .arg("-c")
            .arg(self.program_text(scripts))
            .env_clear()
            .envs(environment)
            .current_dir(folder);
        let mut command = tokio::process::Command::from(command);
        let limits = ProcessLimits { timeout: self.limit, output_limit: OUTPUT_LIMIT };
        Ok(match net::block_on(run_bounded(&mut command, limits))? {
            Ok(output) => outcome(&output, scripts.len()),
            Err(error @ (ProcessError::TimedOut { .. } | ProcessError::OutputLimitExceeded { .. })) => {
                let said = error.stderr().unwrap_or_default();
                let begun = said.split(|byte| *byte == 0).count() - 1;
                match begun.checked_sub(1).filter(|at| *at < scripts.len()) {
                    Some(at) => Outcome::Stuck { at },
                    None => Outcome::Unusable { why: error.to_string() },
                }
            }
            Err(error) => Outcome::Unusable { why: format!("`{}`: {error}", self.program.display()) },
        })
    }

    /// Before and after each script, a NUL goes to standard error, and to what
    /// was standard output the script's status and the variables, ended by an
    /// empty record.
    fn program_text(&self, scripts: &[PathBuf]) -> String {
        let env = quoted(&self.env);
        let mut text = format!(
            "exec 3>&1 1>/dev/null\n_envship_tell() {{ printf '%s\\0' \"$1\" >&3; {env} -0 >&3; printf '\\0' >&3; printf '\\0' >&2; }}\n_envship_tell 0\n"
        );
        for script in scripts {
            text.extend([". ", &quoted(script), "\n_envship_tell $?\n"]);
        }
        // What a script left running would keep the pipes open.
        text.push_str("trap '' TERM\nkill 0\nexit 0\n");
        text
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}

fn outcome(output: &ProcessOutput, scripts: usize) -> Outcome {
    let mut told = environments(&output.stdout);
    let complaints: Vec<&[u8]> = output.stderr.split(|byte| *byte == 0).collect();
    if told.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Outcome::Unusable { why: format!("{}: {}", output.status, said.trim()) };
    }
    let (_, before) = told.remove(0);
    if told.len() < scripts {
        return Outcome::Exited { at: told.len() };
    }
    let steps = told.into_iter().enumerate().map(|(at, (status, environment))| {
        let said = complaints.get(at + 1).map(|said| String::from_utf8_lossy(said));
        let said = said.and_then(|said| Some(said.trim().lines().next()?.to_owned()));
        // Many scripts end with a test, whose status says nothing.
        Step { environment, complaint: said.filter(|_| status != "0") }
    });
    Outcome::Ended { before, steps: steps.collect() }
}

/// The complete ones, each with the status before it.
fn environments(mut bytes: &[u8]) -> Vec<(String, Environment)> {
    let mut all = Vec::new();
    while let Some(end) = memchr::memmem::find(bytes, b"\0\0") {
        let mut records = bytes[..end].split(|byte| *byte == 0);
        let status = String::from_utf8_lossy(records.next().unwrap_or_default()).into_owned();
        // What is no UTF-8 can't be written into a script, and is no path that a package made.
        let pairs = records.filter_map(|record| std::str::from_utf8(record).ok()?.split_once('='));
        all.push((status, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()));
        bytes = &bytes[end + 2..];
    }
    all
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The machine's shell.
    pub(in super::super) fn of_machine(limit: Duration) -> Shell {
        Shell { limit, ..Shell::find(&["/usr/bin".into(), "/bin".into()]).unwrap() }
    }

    const LIMIT: Duration = Duration::from_mins(1);

    fn run(shell: &Shell, texts: &[&str]) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let write = |(at, text): (usize, &&str)| {
            let path = folder.path().join(format!("it's {at}.sh"));
            fs_err::write(&path, text).unwrap();
            path
        };
        let scripts: Vec<PathBuf> = texts.iter().enumerate().map(write).collect();
        let environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        shell.run(&scripts, &environment, folder.path()).unwrap()
    }

    fn shells() -> Vec<Shell> {
        let bash = of_machine(LIMIT);
        let sh = Shell { program: "/bin/sh".into(), arguments: &[], ..bash.clone() };
        vec![bash, sh]
    }

    #[test]
    fn scripts_run_in_one_shell_and_their_output_is_discarded() {
        for shell in shells() {
            let texts = ["X='a\nb'; export X; echo noise; Y=1", "export Z=\"$Y$X\"; env"];
            let Outcome::Ended { before, steps } = run(&shell, &texts) else { panic!() };
            assert_eq!(before.get("X"), None);
            assert_eq!(steps[0].environment["X"], "a\nb");
            assert_eq!(steps[0].environment.get("Z"), None);
            assert_eq!(steps[1].environment["Z"], "1a\nb");
            assert!(steps.iter().all(|step| step.complaint.is_none()));
        }
    }

    #[test]
    fn a_script_that_ends_the_shell_is_told() {
        for shell in shells() {
            for text in ["exit 0", "exit 3", "kill -9 $$"] {
                let outcome = run(&shell, &["export A=1", text, "export B=1"]);
                assert!(matches!(outcome, Outcome::Exited { at: 1 }), "{text}: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_script_that_hangs_is_told() {
        for shell in shells() {
            // Long enough for a busy machine to come to the script that hangs.
            let hasty = Shell { limit: Duration::from_secs(3), ..shell.clone() };
            for text in ["sleep 600", "while :; do :; done"] {
                let outcome = run(&hasty, &["export A=1", text]);
                assert!(matches!(outcome, Outcome::Stuck { at: 1 }), "{outcome:?}");
            }
            // There is no input to wait for, and nobody waits for what runs on.
            for text in ["read x; export X=1", "sleep 600 & export X=1"] {
                let outcome = run(&shell, &[text]);
                assert!(matches!(outcome, Outcome::Ended { .. }), "{text}: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_complaint_counts_if_the_script_also_fails() {
        let Outcome::Ended { steps, .. } =
            run(&of_machine(LIMIT), &["echo hm >&2", "no-such-program", "[ -n \"\" ]"])
        else {
            panic!()
        };
        assert_eq!(steps[0].complaint, None);
        assert!(steps[1].complaint.as_ref().unwrap().contains("no-such-program"));
        assert_eq!(steps[2].complaint, None);
    }

    #[test]
    fn bash_comes_first_and_no_shell_is_found_in_an_empty_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Shell::find(&[folder.path().to_owned()]).is_none());
        for name in ["env", "sh"] {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        let find = || Shell::find(&[folder.path().to_owned()]).unwrap().program;
        assert!(find().ends_with("sh"));
        fs_err::write(folder.path().join("bash"), "").unwrap();
        assert!(find().ends_with("bash"));
    }
}
