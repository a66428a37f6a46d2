//! What installs packages of `PyPI`: uv where it is, else pip.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::InstallError;
use crate::net::Redacted;
use crate::process;

/// An installer of `PyPI` packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The uv executable and its version.
    Uv { program: PathBuf, version: String },
    /// The pip of the environment itself.
    Pip,
}

impl Tool {
    /// uv as `$UV` names it, else the first on `PATH`, else pip.
    ///
    /// # Errors
    /// If `$UV` names something that is no uv.
    pub fn find() -> Result<Tool, InstallError> {
        if let Some(named) = std::env::var_os("UV").filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            // A bare name is looked up on `PATH`; a path must survive a change
            // of the working directory.
            let bare = named.components().count() == 1;
            return Tool::uv(&if bare { named } else { std::path::absolute(named)? });
        }
        // A shim of a version manager may be there and not run.
        Ok(on_path("uv").find_map(|program| Tool::uv(&program).ok()).unwrap_or(Tool::Pip))
    }

    fn uv(program: &Path) -> Result<Tool, InstallError> {
        let finished = process::run(Command::new(program).arg("--version"))?;
        // `uv 0.9.3 (x86_64-unknown-linux-gnu)`
        match finished.stdout.split_whitespace().collect::<Vec<_>>()[..] {
            ["uv", version, ..] => Ok(Tool::Uv { program: program.to_owned(), version: version.to_owned() }),
            _ => Err(InstallError::Tool { tool: "$UV", source: Redacted::text(&finished.output()) }),
        }
    }
}

/// The executables of a name in the folders of `PATH`, in order.
pub(super) fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let name = name.to_owned();
    folders
        .into_iter()
        .filter(|folder| folder.is_absolute())
        .map(move |folder| folder.join(&name))
        .filter(|program| program.is_file())
}

/// A command whose Python sees nothing of the user's own set-up, and leaves no
/// bytecode in the environment: a `.pyc` written now would hold the time of now.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX"] {
        command.env_remove(name);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONNOUSERSITE", "1");
    command
}
