//! What the user points at → an environment on disk.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::artifact::{Installer, SourceKind};
use crate::error::Result;
use crate::prefix::{self, Prefix};
use crate::progress::Progress;
use crate::solve::GlibcTarget;
use crate::spec::{self, Source};

/// What the user pointed at.
#[derive(Clone, Debug)]
pub enum Given {
    /// A spec or an environment's folder.
    Path(PathBuf),
    /// A conda environment's name.
    Name(String),
    /// An environment's folder.
    Prefix(PathBuf),
    /// The active environment.
    Active,
}

/// What the user pointed at, and how it is resolved.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    pub given: Given,
    /// As `--python` takes it.
    pub python: Option<String>,
    pub channels: Vec<String>,
    pub override_channels: bool,
    pub channel_alias: String,
    pub target_glibc: Option<GlibcTarget>,
    pub env_name: Option<String>,
}

/// What will be built, and what it is called; nothing was built yet.
pub(super) struct Plan {
    source: Source,
    name: String,
}

/// An environment that can be read.
pub(super) struct Environment {
    pub prefix: Prefix,
    pub kind: SourceKind,
    pub installers: Vec<Installer>,
    /// Holds the environment if it was built for this command only.
    _scratch: Option<TempDir>,
}

impl Plan {
    /// Reads the spec or finds the environment.
    ///
    /// # Errors
    /// If there is none, or it can't be read.
    pub fn new(options: &SourceOptions) -> Result<Self> {
        let source = match &options.given {
            Given::Path(path) => spec::detect(path, options)?,
            Given::Name(name) => Source::Prefix(prefix::find(name)?),
            Given::Prefix(path) => Source::Prefix(path.clone()),
            Given::Active => Source::Prefix(prefix::active()?),
        };
        let name = options.env_name.clone().unwrap_or_else(|| source.name());
        Ok(Plan { source, name: env_name(&name) })
    }

    /// `[a-z0-9._-]+`
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A name made of `[a-z0-9._-]`, as it stands in an archive's name.
fn env_name(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.' | '_' | '-') => c,
        _ => '-',
    };
    let name: String = text.chars().map(plain).collect();
    match name.trim_matches(['-', '.']) {
        "" => "environment".to_owned(),
        name => name.to_owned(),
    }
}

/// What an environment in this folder is called: the folder's name, or its
/// parent's where the folder is a project's `.venv`.
fn name_of_prefix(prefix: &Path) -> String {
    let prefix = std::path::absolute(prefix).unwrap_or_else(|_| prefix.to_owned());
    let names: Vec<_> = prefix.iter().rev().map(|part| part.to_string_lossy().into_owned()).collect();
    match names.as_slice() {
        [venv, project, ..] if matches!(venv.as_str(), ".venv" | "venv" | "env" | ".env") => project.clone(),
        [name, ..] => name.clone(),
        [] => String::new(),
    }
}
