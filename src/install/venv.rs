//! Virtual environments for requirements files.

use std::path::{Path, PathBuf};

use super::error::InstallError;
use super::python;
use super::tool::{self, Tool};
use crate::net::Redacted;
use crate::process;
use crate::progress::Progress;
use crate::spec::PythonRequest;

/// Makes a virtual environment in `directory` and returns its interpreter.
///
/// uv makes it where there is one, else the interpreter's own `venv` module,
/// with a pip inside: who has no uv needs it to install anything.
///
/// # Errors
/// If the Python that was asked for is not found, doesn't run, or can't make
/// environments.
pub fn create(
    request: &PythonRequest,
    tool: &Tool,
    directory: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, InstallError> {
    let directory = &std::path::absolute(directory)?;
    let python = python::find(request, tool)?;
    progress.note(&format!("Python {} of `{}`", python.version, python.path.display()));
    let mut command = match tool {
        Tool::Uv { program, .. } => {
            let mut command = tool::command(program);
            command.args([
                "venv",
                "--quiet",
                "--no-project",
                "--no-python-downloads",
                "--allow-existing",
                "--python",
            ]);
            command.arg(&python.path);
            command
        }
        Tool::Pip => {
            let mut command = tool::command(&python.path);
            command.args(["-m", "venv"]);
            command
        }
    };
    let finished = process::run_with_scratch(command.arg(directory).current_dir("/"))?;
    let interpreter = directory.join("bin/python");
    if finished.status.success() && interpreter.exists() {
        return Ok(interpreter);
    }
    Err(InstallError::Venv {
        interpreter: python.path.display().to_string(),
        source: Redacted::text(&finished.output()),
    })
}
