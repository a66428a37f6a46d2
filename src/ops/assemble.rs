//! environment → measured entries with their digest: all that is known before
//! the first byte is compressed.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::environment::Environment;
use crate::archive::{self, Layout, Written, ZipLinks};
use crate::artifact::{ContentDigest, Format, Manifest};
use crate::complete::{self, CompleteOptions, Interpreter, UserSite};
use crate::entry::Measured;
use crate::error::{Explain, Kind, Result};
use crate::prefix::{self, ScanOptions};
use crate::progress::Progress;
use crate::relocate::{Destination, Relocator};

/// How an environment is packed.
#[derive(Clone, Debug)]
pub struct PackOptions {
    pub scan: ScanOptions,
    pub interpreter: Interpreter,
    pub user_site: UserSite,
    /// Where the environment will lie, if that is known.
    pub destination: Option<String>,
    /// What was asked for; otherwise the output's name decides.
    pub format: Option<Format>,
    pub level: Option<u32>,
    pub arcroot: Option<String>,
    pub zip_links: ZipLinks,
    pub threads: Option<usize>,
}

/// An output whose name says nothing about its format.
#[derive(Debug, thiserror::Error)]
#[error("the format of the archive can't be told from its name: `{name}`")]
struct UnknownFormat {
    name: String,
}

impl Explain for UnknownFormat {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        let known: Vec<_> = Format::ALL.map(Format::name).into();
        Some(format!("end the name in .tar.gz, .tar, .tar.zst, .zip or /, or give --format ({})", known.join(", ")))
    }
}

impl PackOptions {
    /// The format for an output of this name.
    ///
    /// # Errors
    /// If neither an option nor the name tells.
    pub(super) fn format_for(&self, name: Option<&str>) -> Result<Format> {
        match (self.format, name) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::TarGz),
            (None, Some(name)) => {
                Format::of_name(name).ok_or_else(|| UnknownFormat { name: name.to_owned() }.into())
            }
        }
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// What is known of an environment before it is compressed.
pub(super) struct Assembly {
    pub measured: Vec<Measured>,
    pub layout: Layout,
    pub digest: ContentDigest,
    pub manifest: Manifest,
    name: String,
}

impl Assembly {
    /// Reads an environment once: completes it, relocates every file, and
    /// fixes order, sizes and digests.
    pub fn new(
        environment: &Environment,
        options: &PackOptions,
        format: Format,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let layout = options.layout(format)?;
        let inventory = prefix::scan(&environment.prefix, &options.scan, progress)?;
        let inventory = complete::complete(inventory, &options.completion(), progress)?;
        let relocator = Relocator::new(&inventory.prefixes, options.destination());
        let survey = archive::measure(inventory.entries, &relocator, options.threads(), progress)?;
        let measured = complete::records(survey.measured)?;
        let manifest = complete::manifest(&inventory.facts, survey.placeholders)?;
        let measured = archive::arrange(measured, &layout)?;
        let digest = archive::digest(&measured, &layout);
        Ok(Assembly { measured, layout, digest, manifest, name: environment.name.clone() })
    }

    /// Compresses into `sink`, in the order of the layout.
    pub fn write(
        &self,
        sink: &mut (dyn Write + Send),
        options: &PackOptions,
        progress: &dyn Progress,
    ) -> Result<Written> {
        Ok(archive::write(&self.measured, &self.layout, options.threads(), sink, progress)?)
    }
}
