//! source → archive at a URL → configuration

use serde::Serialize;

use super::assemble::{Assembly, Contents, PackOptions};
use super::conf::{EngineOptions, Packaged};
use super::environment::{Plan, SourceOptions};
use super::publish::{Published, content_addressed};
use crate::conf::{self, Rendered};
use crate::error::Result;
use crate::fs::OnExisting;
use crate::progress::Progress;
use crate::publish::Location;

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
    url: &str,
    on_existing: OnExisting,
    engine: &EngineOptions,
    progress: &dyn Progress,
) -> Result<Shipped> {
    let plan = Plan::new(source)?;
    let location = Location::parse(url)?;
    let format = options.format_for((!location.is_directory()).then_some(url))?;
    engine.check(&location, plan.name(), format)?;
    let store = location.open()?;
    store.preflight()?;

    let environment = plan.build(progress)?;
    let assembly = Assembly::new(&environment, options, format, progress)?;
    let name = content_addressed(&location, &environment.name, assembly.digest, format);
    let published = upload(&store, &name, &assembly, options, on_existing, progress)?;
    let configuration = engine.render(&published, &assembly, progress)?;
    Ok(Shipped { published, contents: assembly.contents(), configuration })
}
