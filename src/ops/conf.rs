//! archive → configuration

use std::path::Path;

use crate::archive;
use crate::artifact::{Format, Manifest};
use crate::conf::{self, Alias, DeployMode, Master, Rendered, Request, SparkVersion, Target};
use crate::error::{Explain, Kind, Result};
use crate::net::redact;
use crate::progress::Progress;
use crate::publish::Location;

/// For which engines, and how they are run.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub targets: Vec<Target>,
    pub master: Master,
    pub deploy_mode: Option<DeployMode>,
    pub alias: Alias,
    pub spark_version: Option<SparkVersion>,
    pub driver_python: Option<String>,
    /// Where the environment lies unpacked.
    pub unpacked: Option<String>,
    pub app: String,
}

/// What is asked for that can't be answered.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no target was given")]
    NoTarget,
    #[error("the format of the archive can't be told from its name: `{archive}`")]
    UnknownFormat { archive: String },
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        let names = |names: Vec<&str>| names.join(", ");
        Some(match self {
            Error::NoTarget => {
                format!(
                    "give --for with one of {}",
                    names(Target::ALL.iter().map(|target| target.name()).collect())
                )
            }
            Error::UnknownFormat { .. } => {
                format!(
                    "engines go by the extension; use one of {}",
                    names(Format::ALL.map(Format::name).into())
                )
            }
        })
    }
}

/// Renders configuration for an archive. One on this machine is looked into
/// for its Python and platform; a remote one is not.
///
/// # Errors
/// If an engine can't use the archive that way.
pub fn conf(archive: &str, engine: &EngineOptions, progress: &dyn Progress) -> Result<Vec<Rendered>> {
    if engine.targets.is_empty() {
        return Err(Error::NoTarget.into());
    }
    // Engines know more kinds of URLs than can be published to.
    let uri = if archive.contains("://") { archive.to_owned() } else { Location::parse(archive)?.uri() };
    let format = Format::of_name(archive).ok_or_else(|| Error::UnknownFormat { archive: redact(archive) })?;
    let mut request = engine.request(&uri, format);
    let local = if archive.contains("://") { None } else { Some(Path::new(archive)) };
    if let Some(local) = local.filter(|path| path.exists()) {
        let glance = archive::inspect(local)?;
        request.has_links = Some(glance.zip_links);
        if let Some(manifest) = &glance.manifest {
            describe(&mut request, manifest);
        }
    }
    if local.is_some_and(|path| !path.exists()) {
        progress.note(&format!("`{archive}` is not there, so nothing could be checked by its content"));
    }
    engine.render(&request, progress)
}

/// Tells an engine's rules what is in the archive.
pub(super) fn describe(request: &mut Request, manifest: &Manifest) {
    request.python_minor = manifest.python.as_ref().map(crate::artifact::PythonInfo::minor);
    request.platform = Some(manifest.platform.clone());
}

impl EngineOptions {
    /// A request for the archive at this URI.
    pub(super) fn request(&self, uri: &str, format: Format) -> Request {
        Request {
            alias: self.alias.clone(),
            master: self.master.clone(),
            deploy_mode: self.deploy_mode,
            spark_version: self.spark_version,
            driver_python: self.driver_python.clone(),
            unpacked: self.unpacked.clone(),
            app: self.app.clone(),
            ..Request::new(uri, format)
        }
    }

    /// The configuration for every target, with its notes told once.
    pub(super) fn render(&self, request: &Request, progress: &dyn Progress) -> Result<Vec<Rendered>> {
        let rendered = self
            .targets
            .iter()
            .map(|target| conf::render(*target, request))
            .collect::<Result<Vec<_>, _>>()?;
        let mut told = Vec::new();
        for note in rendered.iter().flat_map(|one| &one.notes) {
            if !told.contains(&note) {
                progress.note(note);
                told.push(note);
            }
        }
        Ok(rendered)
    }
}
