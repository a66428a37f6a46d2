//! `envship ship`

use std::path::PathBuf;

use crate::cli::archive::ArchiveArgs;
use crate::cli::engine::{self, EngineArgs};
use crate::cli::source::NamedArgs;
use crate::cli::{summary, swapped};
use crate::error::{Explain, Kind, Result};
use crate::fs::OnExisting;
use crate::ops::{self, ShipOptions};
use crate::term::Terminal;
use crate::verify::VerifyOptions;

/// Pack an environment, publish it, and print the configuration that uses it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship ship environment.yml s3a://bucket/envs/ --for spark-submit
  envship ship requirements.txt file:///srv/envs/ --python 3.11 --for spark-submit --for spark-defaults
  envship ship -n analytics s3a://bucket/envs/ --for pyspark --master k8s --deploy-mode client --driver-python python3.11
  envship ship s3a://bucket/envs/               # the active environment

A URL that ends in / is a directory: the archive gets the name <environment>-<digest>.tar.gz, and is
not uploaded again if it is already there.")]
pub struct Args {
    /// SOURCE and URL, or the URL alone for the environment that -n or -p names or the active one.
    #[arg(value_names = ["SOURCE", "URL"], num_args = 1..=2, required = true)]
    source_and_url: Vec<String>,

    /// Replace a different archive that is already there.
    #[arg(short, long)]
    force: bool,

    /// Try it before it is published, as `envship verify` does, and publish nothing that doesn't run.
    #[arg(long)]
    verify: bool,

    #[command(flatten)]
    named: NamedArgs,

    #[command(flatten)]
    archive: ArchiveArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Args {
    pub fn run(mut self, json: bool, terminal: &Terminal) -> Result<()> {
        let url = self.source_and_url.pop().unwrap_or_default();
        let source = self.source_and_url.pop().map(PathBuf::from);
        if source.is_none() && !url.contains("://") && !url.ends_with('/') {
            return Err(UrlMissing { given: url }.into());
        }
        if let Some(source) = &source {
            swapped::url_first("ship", source, &url)?;
        }
        let on_existing = if self.force { OnExisting::Replace } else { OnExisting::Refuse };
        let shipped = ops::ship(
            &self.named.options(source),
            &self.archive.options(),
            &ShipOptions { url, on_existing, verify: self.verify.then(VerifyOptions::default) },
            &self.engine.options(),
            terminal,
        )?;
        let published = &shipped.published;
        terminal.close(summary::rows(&shipped.contents, &published.url, published.size, &published.digest));
        if json {
            return terminal.json(&shipped);
        }
        if shipped.configuration.is_empty() {
            return Ok(terminal.data(&format!("{}\n", shipped.published.url))?);
        }
        engine::print(&shipped.configuration, terminal)
    }
}

/// One argument that looks like the source.
#[derive(Debug, thiserror::Error)]
#[error("where to ship it is missing after `{given}`")]
struct UrlMissing {
    given: String,
}

impl Explain for UrlMissing {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "give a URL too: `envship ship {} s3a://bucket/envs/`; for the active environment, one with a scheme or \
             a trailing slash",
            self.given
        ))
    }
}
