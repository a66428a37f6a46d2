//! Finding the Python that a virtual environment is made with.

use std::path::{Path, PathBuf};

use super::error::InstallError;
use super::tool::{self, Tool};
use crate::net::Redacted;
use crate::process;
use crate::spec::PythonRequest;

/// An interpreter that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Python {
    pub path: PathBuf,
    /// `3.11.7`
    pub version: String,
}

/// Finds the Python that was asked for: nothing is downloaded.
///
/// # Errors
/// If there is none, or the one that was named doesn't run.
pub(super) fn find(request: &PythonRequest, tool: &Tool) -> Result<Python, InstallError> {
    match request {
        PythonRequest::Path(path) => probe(&interpreter_in(path)),
        PythonRequest::Version(wanted) => search(Some(wanted), tool),
        PythonRequest::Default => search(None, tool),
        PythonRequest::Conda(_) => Err(InstallError::NoPython {
            wanted: ": conda's comes from a channel, and needs an environment of its own".into(),
        }),
    }
}

/// uv's choice, else the first on `PATH` that fits, else the newest of pyenv
/// that does: uv gives up on pyenv's shims.
fn search(wanted: Option<&str>, tool: &Tool) -> Result<Python, InstallError> {
    let fits = |python: &Python| wanted.is_none_or(|wanted| is_version(&python.version, wanted));
    let found = by_uv(wanted, tool)?
        .or_else(|| {
            names(wanted)
                .iter()
                .flat_map(|name| tool::on_path(name))
                .find_map(|path| probe(&path).ok().filter(fits))
        })
        .or_else(|| pyenv_versions(wanted).iter().find_map(|path| probe(path).ok().filter(fits)));
    found.ok_or_else(|| InstallError::NoPython {
        wanted: wanted.map(|wanted| format!(" that is `{wanted}`")).unwrap_or_default(),
    })
}

fn by_uv(wanted: Option<&str>, tool: &Tool) -> Result<Option<Python>, InstallError> {
    let Tool::Uv { program, .. } = tool else { return Ok(None) };
    let mut command = tool::command(program);
    command.args(["python", "find", "--system", "--no-project", "--no-python-downloads"]).args(wanted);
    // Away from the `.python-version` files of whoever calls.
    command.current_dir("/");
    let finished = process::run_with_scratch(&mut command)?;
    let path = finished.stdout.trim();
    Ok(if finished.status.success() && !path.is_empty() { probe(Path::new(path)).ok() } else { None })
}

/// The names under which an interpreter may be found on `PATH`.
fn names(wanted: Option<&str>) -> Vec<String> {
    let minor = wanted.map(|wanted| wanted.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
    minor
        .map(|minor| format!("python{minor}"))
        .into_iter()
        .chain(["python3".into(), "python".into()])
        .collect()
}

/// The interpreters of pyenv whose version may fit, the newest first.
fn pyenv_versions(wanted: Option<&str>) -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(std::env::home_dir()?.join(".pyenv")));
    let Some(Ok(entries)) = root.map(|root| fs_err::read_dir(root.join("versions"))) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let version = entry.file_name().into_string().ok()?;
            let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
            let fits = wanted.is_none_or(|wanted| is_version(&version, wanted));
            fits.then_some((numbers?, entry.path().join("bin/python")))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Whether a version is the wanted one, or one of its patch releases.
fn is_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The interpreter that a path means: itself, or that of the environment there.
fn interpreter_in(path: &Path) -> PathBuf {
    let path = match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    if path.is_dir() { path.join("bin/python") } else { path }
}

/// Runs an interpreter to learn its version.
fn probe(path: &Path) -> Result<Python, InstallError> {
    let bad = |source| InstallError::BadPython { interpreter: path.display().to_string(), source };
    let program = "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))";
    let mut command = tool::command(path);
    let finished = process::run(command.args(["-I", "-B", "-c", program])).map_err(|error| match error {
        error @ process::ProcessError::Spawn { .. } => bad(Redacted::new(&error)),
        error => InstallError::Process(error),
    })?;
    let lines: Vec<_> = finished.stdout.lines().collect();
    match lines[..] {
        // A shim tells where the interpreter really is.
        [executable, version] if finished.status.success() && !executable.is_empty() => {
            Ok(Python { path: PathBuf::from(executable), version: version.to_owned() })
        }
        _ => Err(bad(Redacted::text(&finished.output()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_for_its_patch_releases_only() {
        assert!(is_version("3.11.7", "3.11") && is_version("3.11.7", "3.11.7") && is_version("3.11.7", "3"));
        assert!(!is_version("3.11.7", "3.1") && !is_version("3.1.0", "3.11"));
    }

    #[test]
    fn the_most_exact_name_is_looked_for_first() {
        assert_eq!(names(Some("3.12.1")), ["python3.12", "python3", "python"]);
        assert_eq!(names(None), ["python3", "python"]);
    }

    #[test]
    fn what_is_no_interpreter_is_named() {
        let error = find(&PythonRequest::Path("/nowhere/python".into()), &Tool::Pip).unwrap_err();
        assert_eq!(error.to_string(), "`/nowhere/python` is no Python that runs");
    }

    #[test]
    fn a_version_that_nobody_has_is_not_found() {
        let error = find(&PythonRequest::Version("3.999".into()), &Tool::Pip).unwrap_err();
        assert_eq!(error.to_string(), "no Python was found that is `3.999`");
    }
}
