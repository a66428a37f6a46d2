//! Which Python an environment is made with.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// The Python that `--python` or a `.python-version` file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PythonRequest {
    /// The first that is found.
    #[default]
    Default,
    /// An interpreter, or the folder of an environment that has one.
    Path(PathBuf),
    /// A version such as `3.11`, or whatever else uv understands
    /// (`cpython-3.12`, `3.13t`).
    Version(String),
    /// `conda:3.11`: from a conda channel, in that version; empty for the newest.
    Conda(String),
}

impl FromStr for PythonRequest {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        Ok(match text.strip_prefix("conda:") {
            _ if text.is_empty() => PythonRequest::Default,
            Some(version) => PythonRequest::Conda(version.trim().to_owned()),
            None if text.contains('/') || text.starts_with('~') => PythonRequest::Path(PathBuf::from(text)),
            None => PythonRequest::Version(text.to_owned()),
        })
    }
}

impl PythonRequest {
    /// The first request of a `.python-version` file, as pyenv and uv write it.
    #[must_use]
    pub fn of_version_file(text: &str) -> Self {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        line.unwrap_or_default().parse().unwrap_or_else(|never: Infallible| match never {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_makes_a_path_and_a_prefix_makes_a_conda_python() {
        for (text, request) in [
            ("/usr/bin/python3", PythonRequest::Path("/usr/bin/python3".into())),
            ("./venv/bin/python", PythonRequest::Path("./venv/bin/python".into())),
            ("3.11", PythonRequest::Version("3.11".into())),
            ("conda:3.11", PythonRequest::Conda("3.11".into())),
            ("conda:", PythonRequest::Conda(String::new())),
            ("", PythonRequest::Default),
        ] {
            assert_eq!(text.parse(), Ok(request));
        }
    }

    #[test]
    fn the_first_version_of_a_version_file_counts() {
        assert_eq!(
            PythonRequest::of_version_file("# ours\n\n3.12.1\n3.11\n"),
            PythonRequest::Version("3.12.1".into())
        );
    }
}
