//! What there is to try, told by the environment's own interpreter.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::below;
use super::error::Error;
use super::report::{Area, Check};
use super::traceback;
use super::trial::{Surroundings, Trial};
use crate::error::Result;
use crate::process;

/// Prints what [`Survey`] reads.
const PROGRAM: &str = include_str!("survey.py");

#[derive(Debug, Deserialize)]
pub(super) struct Survey {
    version: String,
    prefix: String,
    base_prefix: String,
    executable: String,
    pub(super) modules: Vec<Module>,
    pub(super) scripts: Vec<Script>,
    pub(super) has_pip: bool,
}

/// A module that nothing but itself can import for us.
#[derive(Debug, Deserialize)]
pub(super) struct Module {
    pub(super) name: String,
    pub(super) distribution: Option<String>,
}

/// A program that a distribution puts into `bin`.
#[derive(Debug, Deserialize)]
pub(super) struct Script {
    /// Below the root.
    pub(super) path: String,
    pub(super) distribution: String,
}

/// Asks the interpreter, or gives the check that failed. `extensions` are the
/// compiled modules of the standard library that were packed.
pub(super) fn survey(trial: &Trial, extensions: &[String], limit: Duration) -> Result<Result<Survey, Check>> {
    let failed = |reason: String| Ok(Err(Check::failed(Area::Interpreter, "bin/python", reason)));
    let mut command = trial.python(Surroundings::Empty);
    let finished =
        match process::run_within(command.args(["-c", PROGRAM]).arg(trial.root()).args(extensions), limit) {
            Ok(Some(finished)) => finished,
            Ok(None) => return failed(format!("it doesn't end within {} s", limit.as_secs())),
            Err(process::ProcessError::Spawn { source, .. }) => {
                return failed(cannot_run(trial, &source));
            }
            Err(error) => return Err(Error::from(error).into()),
        };
    match serde_json::from_str(finished.stdout.lines().last().unwrap_or_default()) {
        Ok(survey) if finished.status.success() => Ok(Ok(survey)),
        _ => failed(traceback::said(&finished)),
    }
}

/// Why the interpreter doesn't start. A link that leaves the environment leads
/// where other users may not go: into somebody's home, for example.
fn cannot_run(trial: &Trial, source: &io::Error) -> String {
    let place = leaves(trial.root(), Path::new("bin/python"));
    let link = place.map(|(link, target)| {
        let (link, target) = (link.display(), target.display());
        format!(
            "; it runs as {}, and `{link}` is a link to `{target}`, outside the environment",
            trial.user()
        )
    });
    format!("it can't be run: {source}{}", link.unwrap_or_default())
}

/// The link that leads out of the environment, on the way from `path`, and its
/// target.
pub(super) fn leaves(root: &Path, path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut link = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        let target = fs_err::read_link(root.join(&link)).ok()?;
        let next = root.join(&link).parent()?.join(&target);
        match next.strip_prefix(root) {
            Ok(inside) if !target.is_absolute() => inside.clone_into(&mut link),
            _ => return Some((link, target)),
        }
    }
    None
}

impl Survey {
    /// `3.11`
    pub(super) fn minor(&self) -> String {
        self.version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }

    /// The interpreter must take its environment for its home.
    pub(super) fn checks(&self, root: &Path) -> Vec<Check> {
        let places = [
            ("sys.prefix", &self.prefix),
            ("sys.base_prefix", &self.base_prefix),
            ("sys.executable", &self.executable),
        ];
        let check = |(name, place): (&str, &String)| {
            if Path::new(place).starts_with(root) {
                Check::passed(Area::Interpreter, name)
            } else {
                Check::failed(Area::Interpreter, name, format!("is {}", below(root, place)))
            }
        };
        places.into_iter().map(check).collect()
    }
}
