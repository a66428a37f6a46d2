//! `requirements.txt` and `.in`: what pip installs into a virtual environment.

use std::path::PathBuf;

use super::channels::ChannelOptions;
use super::error::SpecError;
use super::file::SpecFile;
use super::pip::{self, PipSpec};
use super::python::PythonRequest;
use super::{Source, SpecKind};

pub(super) const KIND: SpecKind = SpecKind { shown: "requirements.txt or .in", recognises, parse };

/// A requirements file.
#[derive(Clone, Debug)]
pub struct RequirementsSpec {
    /// The file.
    pub path: PathBuf,
    /// What it asks for.
    pub pip: PipSpec,
    /// What `.python-version` beside it asks for.
    pub python: PythonRequest,
}

/// By its name, or as a text file whose every line could be pip's.
fn recognises(file: &SpecFile) -> bool {
    match file.extension().as_str() {
        "in" => true,
        "txt" => file.name().contains("requirement") || pip::looks_like_requirements(&file.text),
        _ => file.name() == "requirements",
    }
}

fn parse(file: &SpecFile, _: &ChannelOptions) -> Result<Source, SpecError> {
    let pip = PipSpec::of_text(&file.text, &file.path)?;
    if pip.requirements.is_empty() && pip.included.is_empty() {
        return Err(SpecError::Empty { path: file.path.clone() });
    }
    let version_file = file.folder().join(".python-version");
    let python = match fs_err::read_to_string(&version_file) {
        Ok(text) => PythonRequest::of_version_file(&text),
        Err(_) => PythonRequest::Default,
    };
    Ok(Source::Requirements(RequirementsSpec { path: file.path.clone(), pip, python }))
}
