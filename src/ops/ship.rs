//! source → archive at a URL → configuration

use serde::Serialize;

use super::assemble::{Assembly, Contents, PackOptions};
use super::cache::RunCache;
use super::conf::{EngineOptions, describe};
use super::environment::{Plan, SourceOptions};
use super::pack::InsideSource;
use super::publish::{Misnamed, Published, archive_name};
use super::verify::verify_assembly;
use crate::archive::Links;
use crate::artifact::{ContentDigest, Format};
use crate::conf::{Rendered, python_support};
use crate::error::{Explain, Kind, Result};
use crate::fs::OnExisting;
use crate::progress::{Progress, Silent};
use crate::publish::{Location, Receipt, Start, Store};
use crate::verify::VerifyOptions;

/// What an engine is told to start is not there.
#[derive(Debug, thiserror::Error)]
#[error("the archive would have no `bin/python` for an engine to start")]
struct NoInterpreter;

impl Explain for NoInterpreter {
    fn hint(&self) -> Option<String> {
        Some("let the spec ask for python, don't exclude it, and leave out --arcroot".to_owned())
    }
}

/// Where an environment goes.
#[derive(Clone, Debug)]
pub struct ShipOptions {
    pub url: String,
    pub on_existing: OnExisting,
    /// Try it first, against the environment that is packed.
    pub verify: Option<VerifyOptions>,
}

/// A directory is nothing that a store holds.
#[derive(Debug, thiserror::Error)]
#[error("a plain directory can't be shipped")]
struct NoArchive;

impl Explain for NoArchive {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("choose another --format, or use `envship pack -o DIR/`".to_owned())
    }
}

/// An environment that is where a cluster can read it.
#[derive(Debug, Serialize)]
pub struct Shipped {
    #[serde(flatten)]
    pub published: Published,
    #[serde(flatten)]
    pub contents: Contents,
    pub configuration: Vec<Rendered>,
}

/// Packs an environment, uploads it while it is being packed, and renders
/// configuration for it. What can be refused is refused before any work.
///
/// # Errors
/// Those of every stage; nothing half-made is left in the store then.
pub fn ship(
    source: &SourceOptions,
    options: &PackOptions,
    to: &ShipOptions,
    engine: &EngineOptions,
    progress: &dyn Progress,
) -> Result<Shipped> {
    let location = Location::parse(&to.url)?;
    let format = options.format_for(location.file_name().as_deref())?;
    if format == Format::Directory {
        return Err(NoArchive.into());
    }
    options.layout(format)?;
    let cache = RunCache::open(options.cache)?;
    let plan = Plan::new(source)?;
    let foreseen =
        archive_name(&location, plan.name(), ContentDigest([0; 32]), format).map_err(Misnamed::by_options)?;
    let foreseen = location.directory().join(&foreseen);
    if let Some(path) = foreseen.local_path().filter(|path| plan.holds(path)) {
        return Err(InsideSource { path: path.to_owned() }.into());
    }
    let mut request = engine.request(&foreseen.uri(), format);
    // Every environment has links.
    request.has_links = Some(format == Format::Zip && options.zip_links == Links::Keep);
    engine.render(&request, &Silent)?;
    let store = location.open()?;
    store.check_writable()?;

    let environment = plan.build(source, progress)?;
    // What is compressed before the name is known could not be uploaded meanwhile.
    let assembly = Assembly::new(&environment, options, format, cache, None, progress)?;
    if !engine.targets.is_empty() && !assembly.has_interpreter() {
        return Err(NoInterpreter.into());
    }
    warn(&assembly, engine, progress);
    let name = archive_name(&location, &environment.name, assembly.digest, format)?;
    let mut request = engine.request(&location.directory().join(&name).uri(), format);
    request.has_links = Some(assembly.has_zip_links());
    describe(&mut request, &assembly.manifest);
    let configuration = engine.render(&request, progress)?;
    if let Some(verify) = &to.verify {
        let original = Some(environment.prefix.root.clone());
        verify_assembly(&assembly, &VerifyOptions { original, ..verify.clone() }, progress)?;
    }
    let receipt = upload(&store, &name, &assembly, options, to.on_existing, progress)?;
    let published = Published::new(&receipt, format, assembly.digest);
    let contents = assembly.contents();
    assembly.close(progress);
    Ok(Shipped { published, contents, configuration })
}

fn upload(
    store: &Store,
    name: &str,
    assembly: &Assembly,
    options: &PackOptions,
    on_existing: OnExisting,
    progress: &dyn Progress,
) -> Result<Receipt> {
    let mut upload = match store.upload(name, assembly.digest, on_existing)? {
        Start::AlreadyThere(receipt) => {
            progress.note(&format!("`{}` is already there, with the same content", receipt.location));
            return Ok(receipt);
        }
        Start::Upload(upload) => upload,
    };
    match assembly.write(&mut upload, options, progress) {
        Ok(_) => Ok(upload.finish()?),
        // What the store said tells more than that a write failed.
        Err(error) => Err(upload.abort().map_or(error, Into::into)),
    }
}

/// What will disappoint on the cluster, though nothing is wrong with it.
fn warn(assembly: &Assembly, engine: &EngineOptions, progress: &dyn Progress) {
    let manifest = &assembly.manifest;
    if manifest.packages.iter().any(|package| package.name == "pyspark") {
        progress
            .warn("the environment holds pyspark, about 300 MB that the engine brings itself; leave it out");
    }
    let python = manifest.python.as_ref().map(crate::artifact::PythonInfo::minor);
    // Where configuration is printed, its own notes tell the same.
    if let (Some(spark), Some(python), true) = (engine.spark_version, python, engine.targets.is_empty())
        && let Some(problem) = python_support(spark, &python)
    {
        progress.warn(&problem);
    }
}
