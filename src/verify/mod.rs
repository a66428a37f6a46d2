//! Unpacked environment → does it run here?
//!
//! Everything is tried as an engine would have it: nothing activated, nothing
//! writable, first in an empty environment and then in a hostile one. Each
//! module is imported in a process of its own, so that one that crashes or
//! hangs says nothing about the others.

mod error;
mod files;
mod imports;
mod report;
mod scripts;
mod survey;
mod traceback;
mod trial;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;

pub use error::Error;
pub use report::{Area, Check, Outcome, Report};
pub use trial::{Surroundings, Trial};

use crate::artifact::{MANIFEST, Manifest};
use crate::error::Result;
use crate::interrupt;
use crate::parallel;
use crate::progress::{Progress, Step};
use survey::Survey;

/// How an environment is tried.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The environment that was packed, if it is still there: what fails in it
    /// too was not broken by packing.
    pub original: Option<PathBuf>,
    /// For each process.
    pub limit: Duration,
    /// 0 means one for each core, up to 16.
    pub threads: usize,
}

/// Against nothing, a minute for each process, on as many cores as is usual.
impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { original: None, limit: Duration::from_mins(1), threads: 0 }
    }
}

/// Tries the environment of a trial.
///
/// # Errors
/// If the trial itself can't be made: no process can be started, no folder
/// written, the user interrupts. What fails in the environment is in the
/// report.
pub fn verify(trial: &Trial, options: &VerifyOptions, progress: &dyn Progress) -> Result<Report> {
    let mut report = Report::default();
    report.extend(files::check(trial.root(), options.original.as_deref())?);
    let manifest = manifest(trial.root());
    if !trial.root().join("bin/python").exists() {
        report.push(without_python(trial.root(), manifest.as_ref()));
        return Ok(report);
    }
    let extensions = manifest.map(|manifest| manifest.extensions).unwrap_or_default();
    let survey = match survey::survey(trial, &extensions, options.limit)? {
        Ok(survey) => survey,
        Err(check) => {
            report.push(check);
            return Ok(report);
        }
    };
    report.extend(survey.checks(trial.root()));
    trial.shadow(&survey.minor(), survey.modules.iter().map(|module| module.name.as_str()))?;
    let tasks = tasks(&survey);
    let threads = parallel::count(options.threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(Error::Threads)?;
    progress.begin(Step::Try, Some(tasks.len() as u64));
    let checks = pool.install(|| {
        tasks
            .par_iter()
            .map(|task| {
                interrupt::check()?;
                let check = task.run(trial, options)?;
                progress.advance(1);
                Ok(check)
            })
            .collect::<Result<Vec<_>>>()
    })?;
    progress.end();
    report.extend(checks);
    report.tell_apart();
    Ok(report)
}

/// What the environment says of itself, if envship packed it.
fn manifest(root: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs_err::read(root.join(MANIFEST)).ok()?).ok()
}

/// An environment may do without Python, if that is how it was packed.
fn without_python(root: &Path, manifest: Option<&Manifest>) -> Check {
    if let Some((link, target)) = survey::leaves(root, Path::new("bin/python")) {
        let reason =
            format!("`{}` is a link to `{}`, which can't be reached", link.display(), target.display());
        return Check::failed(Area::Interpreter, "bin/python", reason);
    }
    let reason = "there is no Python in it";
    match manifest {
        Some(Manifest { python: None, .. }) => Check::tolerated(Area::Interpreter, "bin/python", reason),
        _ => Check::failed(Area::Interpreter, "bin/python", reason),
    }
}

/// One process to be run.
enum Task<'a> {
    Import { module: &'a survey::Module, surroundings: Surroundings },
    Script(&'a survey::Script),
    Requirements,
    HomeOfPython,
}

fn tasks(survey: &Survey) -> Vec<Task<'_>> {
    let imports = [Surroundings::Empty, Surroundings::Hostile].into_iter().flat_map(|surroundings| {
        survey.modules.iter().map(move |module| Task::Import { module, surroundings })
    });
    let scripts = survey.scripts.iter().map(Task::Script);
    let requirements = survey.has_pip.then_some(Task::Requirements);
    imports.chain(scripts).chain(requirements).chain([Task::HomeOfPython]).collect()
}

impl Task<'_> {
    fn run(&self, trial: &Trial, options: &VerifyOptions) -> Result<Check> {
        match self {
            Task::Import { module, surroundings } => imports::import(trial, module, *surroundings, options),
            Task::Script(script) => scripts::run(trial, script, options),
            Task::Requirements => scripts::pip_check(trial, options),
            Task::HomeOfPython => imports::home_of_python(trial, options.limit),
        }
    }
}

/// A path as it is told, below the root where it can be.
fn below(root: &Path, path: &str) -> String {
    Path::new(path).strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| rest.display().to_string())
}
