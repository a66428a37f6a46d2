//! What the user points at → an environment on disk.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::artifact::{Installer, SourceKind};
use crate::baseline::GlibcTarget;
use crate::error::{Explain, Kind, Result};
use crate::install::pypi::PypiOptions;
use crate::install::{self, Tool};
use crate::prefix::{self, Inventory, Prefix};
use crate::progress::Progress;
use crate::solve::conda::{SolveOptions, solve};
use crate::spec::{self, ChannelOptions, EnvSpec, PythonRequest, RequirementsSpec, Source};

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
    pub python: Option<PythonRequest>,
    pub channels: ChannelOptions,
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
    pub name: String,
    /// What the cluster has, if it was told.
    pub target_glibc: Option<GlibcTarget>,
    /// How it was built; nothing if it was there before.
    built: Option<Built>,
}

/// An environment that exists for one command.
struct Built {
    source: SourceKind,
    installers: Vec<Installer>,
    /// Removed with the environment.
    _scratch: TempDir,
}

/// There is no place to install a spec.
#[derive(Debug, thiserror::Error)]
#[error("can't install into the folder for temporary files, `{}`", folder.display())]
struct NoScratch {
    folder: PathBuf,
    #[source]
    source: std::io::Error,
}

impl Explain for NoScratch {
    fn hint(&self) -> Option<String> {
        Some("set TMPDIR to a folder that can be written and has room for the environment".to_owned())
    }
}

/// Options that decide what is installed, where nothing is installed by them.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used with `{}`, {why}", options.join(" and "), source_path.display())]
struct Idle {
    options: Vec<&'static str>,
    source_path: PathBuf,
    why: &'static str,
}

impl Explain for Idle {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("leave it out, or give a spec that is installed with it".to_owned())
    }
}

impl SourceOptions {
    /// Fails if an option would do nothing.
    fn check(&self, source: &Source) -> Result<(), Idle> {
        let ChannelOptions { extra, override_spec, alias } = &self.channels;
        let given = [
            ("--python", self.python.is_some()),
            ("--channel", !extra.is_empty() || *override_spec),
            ("--channel-alias", alias.is_some()),
        ];
        let (path, idle, why): (_, &[&str], _) = match source {
            Source::Prefix(path) => {
                (path, &["--python", "--channel", "--channel-alias"], "which is installed already")
            }
            Source::Environment(spec) => (&spec.path, &["--python"], "whose dependencies name the Python"),
            Source::Requirements(_) => return Ok(()),
        };
        let options: Vec<_> = given
            .into_iter()
            .filter(|(name, given)| *given && idle.contains(name))
            .map(|(name, _)| name)
            .collect();
        if options.is_empty() { Ok(()) } else { Err(Idle { options, source_path: path.clone(), why }) }
    }
}

impl Plan {
    /// Reads the spec or finds the environment.
    ///
    /// # Errors
    /// If there is none, or it can't be read.
    pub fn new(options: &SourceOptions) -> Result<Self> {
        let source = match &options.given {
            Given::Path(path) => spec::detect(path, &options.channels)?,
            Given::Name(name) => Source::Prefix(prefix::find(name)?),
            Given::Prefix(path) => Source::Prefix(path.clone()),
            Given::Active => Source::Prefix(prefix::active()?),
        };
        options.check(&source)?;
        if let Source::Prefix(path) = &source {
            // A folder that is no environment is known before a store is asked.
            prefix::open(path)?;
        }
        let name = match (&options.env_name, &source) {
            (Some(name), _) | (None, Source::Environment(EnvSpec { name: Some(name), .. })) => name.clone(),
            (
                None,
                Source::Environment(EnvSpec { path, .. })
                | Source::Requirements(RequirementsSpec { path, .. }),
            ) => folder_name(absolute(path).parent().unwrap_or(Path::new(""))),
            (None, Source::Prefix(path)) => name_of_prefix(&absolute(path)),
        };
        Ok(Plan { name: env_name(&name), source })
    }

    /// Of the environment: `[a-z0-9._-]+`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a path lies inside of what will be packed, which must not change.
    pub fn holds(&self, path: &Path) -> bool {
        let real = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_| absolute(path));
        match &self.source {
            Source::Prefix(prefix) => {
                let folder = absolute(path).parent().map(real);
                folder.is_some_and(|folder| folder.starts_with(real(prefix)))
            }
            _ => false,
        }
    }

    /// Solves and installs a spec; only looks at an environment that is there.
    ///
    /// # Errors
    /// If packages can't be found, fetched or installed, or if the environment
    /// is broken.
    pub fn build(self, options: &SourceOptions, progress: &dyn Progress) -> Result<Environment> {
        let Plan { source, name } = self;
        match source {
            Source::Prefix(path) => {
                let target_glibc = options.target_glibc;
                Ok(Environment { prefix: prefix::open(&path)?, name, target_glibc, built: None })
            }
            Source::Environment(spec) => {
                build(name, SourceKind::Environment, options, |root| conda(spec, root, options, progress))
            }
            Source::Requirements(spec) => build(name, SourceKind::Requirements, options, |root| {
                requirements(&spec, root, options, progress)
            }),
        }
    }
}

impl Environment {
    /// Whether it stays when the command ends.
    pub fn is_lasting(&self) -> bool {
        self.built.is_none()
    }

    /// Tells what only the builder of an environment knows.
    pub fn describe(&self, inventory: &mut Inventory) {
        if let Some(built) = &self.built {
            inventory.source = built.source;
            inventory.installers.clone_from(&built.installers);
        }
    }
}

/// Installs into a scratch folder, by a function that gets its path. The path
/// has the same length every time, so that what holds it has so too.
fn build(
    name: String,
    source: SourceKind,
    options: &SourceOptions,
    install: impl FnOnce(&Path) -> Result<Vec<Installer>>,
) -> Result<Environment> {
    let folder = std::env::temp_dir();
    let scratch = tempfile::Builder::new().prefix("envship-").rand_bytes(8).tempdir_in(&folder);
    let scratch = scratch.map_err(|source| NoScratch { folder, source })?;
    let root = scratch.path().join("env");
    let installers = install(&root)?;
    let prefix = prefix::open(&root)?;
    let built = Some(Built { source, installers, _scratch: scratch });
    Ok(Environment { prefix, name, target_glibc: options.target_glibc, built })
}

/// A conda environment, with what its `pip:` section asks for.
fn conda(
    mut spec: EnvSpec,
    root: &Path,
    options: &SourceOptions,
    progress: &dyn Progress,
) -> Result<Vec<Installer>> {
    let pip = spec.pip.take();
    let tool = pip.as_ref().map(|_| Tool::find()).transpose()?;
    if matches!(tool, Some(Tool::Pip)) {
        spec.require_pip();
    }
    let resolved = solve(&spec, &SolveOptions { glibc: options.target_glibc }, progress)?;
    let mut installers = vec![install::conda::install(&resolved, root, progress)?];
    if let (Some(pip), Some(tool)) = (pip, tool) {
        let pypi = PypiOptions { tool, glibc: options.target_glibc };
        installers.push(install::pypi::install(&pip, &root.join("bin/python"), &pypi, progress)?);
    }
    Ok(installers)
}

/// A virtual environment, or one around a conda Python.
fn requirements(
    spec: &RequirementsSpec,
    root: &Path,
    options: &SourceOptions,
    progress: &dyn Progress,
) -> Result<Vec<Installer>> {
    let python = options.python.as_ref().unwrap_or(&spec.python);
    if let PythonRequest::Conda(version) = python {
        let base = EnvSpec { pip: Some(spec.pip.clone()), ..EnvSpec::python(version, &options.channels)? };
        return conda(base, root, options, progress);
    }
    let tool = Tool::find()?;
    let interpreter = install::venv::create(python, &tool, root, progress)?;
    let pypi = PypiOptions { tool, glibc: options.target_glibc };
    Ok(vec![install::pypi::install(&spec.pip, &interpreter, &pypi, progress)?])
}

/// A name made of `[a-z0-9._-]`, as it stands in an archive's name.
pub(super) fn env_name(text: &str) -> String {
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

/// What an environment in this folder is called: as the folder, or as the
/// project whose `.venv` it is.
fn name_of_prefix(prefix: &Path) -> String {
    match (folder_name(prefix).as_str(), prefix.parent()) {
        (".venv" | "venv" | ".env" | "env", Some(project)) => folder_name(project),
        (name, _) => name.to_owned(),
    }
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Without a look at the disk, but for the working directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_every_store() {
        for (text, name) in [
            ("My Project", "my-project"),
            ("a_b.c-1", "a_b.c-1"),
            ("été", "t"),
            ("", "environment"),
            ("...", "environment"),
        ] {
            assert_eq!(env_name(text), name);
        }
    }

    #[test]
    fn an_environment_inside_a_project_is_called_like_the_project() {
        assert_eq!(name_of_prefix(Path::new("/home/u/shop/.venv")), "shop");
        assert_eq!(name_of_prefix(Path::new("/home/u/envs/analytics")), "analytics");
    }
}
