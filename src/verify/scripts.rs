//! Console scripts: do they start?

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::VerifyOptions;
use super::error::Error;
use super::report::{Area, Check};
use super::survey::Script;
use super::traceback;
use super::trial::{Surroundings, Trial};
use crate::error::Result;
use crate::process::{self, Finished, ProcessError};

/// What says that a program didn't come to its own first line.
const BROKEN: [&str; 7] = [
    "ModuleNotFoundError",
    "ImportError",
    "error while loading shared libraries",
    "bad interpreter",
    "No such file or directory",
    "cannot execute",
    "Permission denied",
];

/// Runs a script with `--version` and, since not all know that, with `--help`.
/// One that starts and then wants other arguments is fine.
pub(super) fn run(trial: &Trial, script: &Script, options: &VerifyOptions) -> Result<Check> {
    let start = || trial.command(&trial.root().join(&script.path), Surroundings::Empty);
    let (area, name) = (Area::Script, script.path.as_str());
    let check = match attempt(start, options.limit)? {
        Attempt::Ran => Check::passed(area, name),
        Attempt::Refused(reason) | Attempt::Endless(reason) => Check::tolerated(area, name, reason),
        Attempt::Broken(reason) => match &options.original {
            Some(original) if fails_in(original, trial, script, options)? => {
                Check::tolerated(area, name, format!("fails in the original environment too: {reason}"))
            }
            _ => Check::failed(area, name, reason),
        },
    };
    Ok(check.of(Some(&script.distribution)))
}

/// Whether it doesn't start in the environment that was packed.
fn fails_in(original: &Path, trial: &Trial, script: &Script, options: &VerifyOptions) -> Result<bool> {
    let start = || trial.own(&original.join(&script.path));
    Ok(matches!(attempt(start, options.limit)?, Attempt::Broken(_)))
}

enum Attempt {
    Ran,
    /// It started, and didn't like the arguments.
    Refused(String),
    Endless(String),
    Broken(String),
}

fn attempt(start: impl Fn() -> Command, limit: Duration) -> Result<Attempt> {
    match attempt_with(start(), "--version", limit)? {
        Attempt::Ran => Ok(Attempt::Ran),
        _ => attempt_with(start(), "--help", limit),
    }
}

fn attempt_with(mut command: Command, argument: &str, limit: Duration) -> Result<Attempt> {
    Ok(match process::run_within(command.arg(argument), limit) {
        Ok(None) => Attempt::Endless(format!("{argument} doesn't end within {} s", limit.as_secs())),
        Ok(Some(finished)) if finished.status.success() => Attempt::Ran,
        Ok(Some(finished)) => judge(&finished, argument),
        Err(ProcessError::Spawn { source, .. }) => Attempt::Broken(format!("it can't be run: {source}")),
        Err(error) => return Err(Error::from(error).into()),
    })
}

fn judge(finished: &Finished, argument: &str) -> Attempt {
    let said = traceback::said(finished);
    let code = finished.status.code();
    if let Some(signal) = finished.status.signal() {
        return Attempt::Broken(format!("signal {signal}: {said}"));
    }
    if matches!(code, Some(126 | 127)) || BROKEN.iter().any(|sign| finished.stderr.contains(sign)) {
        return Attempt::Broken(said);
    }
    Attempt::Refused(format!("starts, but {argument} ends with {}: {said}", code.unwrap_or_default()))
}

/// `pip check`: the requirements of all distributions.
pub(super) fn pip_check(trial: &Trial, options: &VerifyOptions) -> Result<Check> {
    let arguments = ["-m", "pip", "--disable-pip-version-check", "check"];
    let check = |mut command: Command| {
        process::run_within(command.args(arguments), options.limit).map_err(Error::from)
    };
    let name = "pip check";
    let problem = match check(trial.python(Surroundings::Empty))? {
        Some(finished) if finished.status.success() => return Ok(Check::passed(Area::Requirements, name)),
        Some(finished) => finished.output().lines().collect::<Vec<_>>().join("; "),
        None => format!("doesn't end within {} s", options.limit.as_secs()),
    };
    if let Some(original) = &options.original
        && !check(trial.own(&original.join("bin/python")))?.is_some_and(|finished| finished.status.success())
    {
        let reason = format!("fails in the original environment too: {problem}");
        return Ok(Check::tolerated(Area::Requirements, name, reason));
    }
    Ok(Check::failed(Area::Requirements, name, problem))
}
