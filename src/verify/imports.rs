//! Importing a module, and looking at what came with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::error::Error;
use super::report::{Area, Check};
use super::survey::Module;
use super::traceback;
use super::trial::{Surroundings, Trial};
use super::{VerifyOptions, below};
use crate::baseline;
use crate::error::Result;
use crate::process;

/// Prints what [`Imported`] reads.
const PROGRAM: &str = include_str!("import.py");

#[derive(Debug, Deserialize)]
struct Imported {
    /// The traceback.
    error: Option<String>,
    /// Files with code that the process has mapped.
    mapped: Vec<String>,
    /// `sys.path`.
    path: Vec<String>,
}

/// Imports a module in a process of its own.
pub(super) fn import(
    trial: &Trial,
    module: &Module,
    surroundings: Surroundings,
    options: &VerifyOptions,
) -> Result<Check> {
    let area = match surroundings {
        Surroundings::Empty => Area::Import,
        Surroundings::Hostile => Area::HostileImport,
    };
    let name = module.name.as_str();
    let imported = attempt(trial.python(surroundings), name, options.limit)?;
    let problem = match imported {
        Ok(imported) => outside(&imported, trial.root(), surroundings),
        Err(problem) => Some(problem),
    };
    let check = match problem {
        None => Check::passed(area, name),
        Some(problem) => match &options.original {
            Some(original) if fails_in(original, trial, name, options.limit)? => {
                Check::tolerated(area, name, format!("fails in the original environment too: {problem}"))
            }
            _ => Check::failed(area, name, problem),
        },
    };
    Ok(check.of(module.distribution.as_deref()))
}

fn attempt(mut python: Command, module: &str, limit: Duration) -> Result<Result<Imported, String>> {
    let Some(finished) =
        process::run_within(python.args(["-c", PROGRAM, module]), limit).map_err(Error::from)?
    else {
        return Ok(Err(format!("the import doesn't end within {} s", limit.as_secs())));
    };
    Ok(match serde_json::from_str::<Imported>(finished.stdout.lines().last().unwrap_or_default()) {
        Ok(Imported { error: Some(error), .. }) => Err(traceback::exception(&error).unwrap_or(error)),
        Ok(imported) => Ok(imported),
        Err(_) => Err(match traceback::said(&finished) {
            line if line == finished.status.to_string() => format!("the interpreter died ({line})"),
            line => format!("the interpreter died ({}): {line}", finished.status),
        }),
    })
}

/// Whether the import fails in the environment that was packed.
fn fails_in(original: &Path, trial: &Trial, module: &str, limit: Duration) -> Result<bool> {
    let mut python = trial.own(&original.join("bin/python"));
    python.args(["-W", "ignore"]);
    Ok(attempt(python, module, limit)?.is_err())
}

/// What was taken from outside the environment and is not the node's to give.
fn outside(imported: &Imported, root: &Path, surroundings: Surroundings) -> Option<String> {
    // A foreign PYTHONPATH and LD_LIBRARY_PATH are heard by every interpreter
    // and loader: what counts is that the module works all the same.
    if surroundings == Surroundings::Hostile {
        return None;
    }
    let library = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !Path::new(path).starts_with(root) && baseline::family(name).is_none()
    };
    let mapped: Vec<_> = imported.mapped.iter().filter(library).map(String::as_str).collect();
    if !mapped.is_empty() {
        return Some(format!("loads from outside: {}", mapped.join(", ")));
    }
    let entry = |path: &&String| !path.is_empty() && !Path::new(path).starts_with(root);
    let path: Vec<_> = imported.path.iter().filter(entry).map(|path| below(root, path)).collect();
    (!path.is_empty()).then(|| format!("sys.path leads outside: {}", path.join(", ")))
}

/// No archive can withstand `PYTHONHOME`: Python looks for its library there
/// and nowhere else. What happens is told, and not counted.
pub(super) fn home_of_python(trial: &Trial, limit: Duration) -> Result<Check> {
    let mut python = trial.python(Surroundings::Empty);
    python.env("PYTHONHOME", "/opt/another").args(["-c", "pass"]);
    let finished = process::run_within(&mut python, limit).map_err(Error::from)?;
    let name = "PYTHONHOME of another Python";
    Ok(match finished {
        Some(finished) if finished.status.success() => Check::passed(Area::Interpreter, name),
        _ => Check::tolerated(Area::Interpreter, name, "no Python starts with it; unset it on the nodes"),
    })
}
