//! Two positional arguments in the wrong order.

use std::path::Path;

use crate::error::{Explain, Kind};

/// What comes first belongs behind what comes second.
#[derive(Debug, thiserror::Error)]
#[error("`{first}` and `{second}` are in the wrong order")]
pub struct Swapped {
    command: &'static str,
    first: String,
    second: String,
}

impl Explain for Swapped {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!("write `envship {} {} {}`", self.command, self.second, self.first))
    }
}

/// For a command whose first argument lies here and whose second one is a URL
/// or a folder.
pub fn url_first(command: &'static str, first: &Path, second: &str) -> Result<(), Swapped> {
    let lies_here = Path::new(second).exists() && !second.ends_with('/');
    refuse_if(is_url(first) && lies_here, command, first, Path::new(second))
}

/// For a command that makes its second argument a folder from its first one,
/// which is a file or a URL.
pub fn folder_first(command: &'static str, first: &Path, second: &Path) -> Result<(), Swapped> {
    let no_source = !is_url(first) && (first.is_dir() || !first.exists());
    refuse_if(no_source && (is_url(second) || second.is_file()), command, first, second)
}

fn refuse_if(swapped: bool, command: &'static str, first: &Path, second: &Path) -> Result<(), Swapped> {
    let text = |path: &Path| path.display().to_string();
    if swapped { Err(Swapped { command, first: text(first), second: text(second) }) } else { Ok(()) }
}

fn is_url(path: &Path) -> bool {
    path.to_string_lossy().contains("://")
}
