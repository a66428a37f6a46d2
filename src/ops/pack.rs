//! source → archive

use std::path::PathBuf;

use serde::Serialize;

use super::assemble::{Assembly, Contents, PackOptions};
use super::cache::RunCache;
use super::environment::{Plan, SourceOptions};
use crate::artifact::Format;
use crate::error::{Explain, Result};
use crate::fs::{self, OnExisting, StagedDir, StagedFile};
use crate::progress::Progress;

/// The output would become a part of what is packed.
#[derive(Debug, thiserror::Error)]
#[error("`{}` lies inside the environment that is packed", path.display())]
pub(super) struct InsideSource {
    pub(super) path: PathBuf,
}

impl Explain for InsideSource {
    fn hint(&self) -> Option<String> {
        Some("choose a place outside of it".to_owned())
    }
}

/// What `--force` doesn't do: a directory may hold more than an archive that
/// was packed before.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not empty, and --force replaces files only", path.display())]
struct KeepsDirectory {
    path: PathBuf,
}

impl Explain for KeepsDirectory {
    fn hint(&self) -> Option<String> {
        Some("remove it, or choose a directory that is missing or empty".to_owned())
    }
}

/// An archive that was written.
#[derive(Debug, Serialize)]
pub struct Packed {
    pub path: PathBuf,
    pub format: Format,
    /// In bytes; of a directory that of its files.
    pub size: u64,
    /// Of the archive's bytes, hexadecimal; none for a directory.
    pub sha256: Option<String>,
    /// Of what was packed, hexadecimal.
    pub digest: String,
    #[serde(flatten)]
    pub contents: Contents,
}

/// Packs an environment into `output`, by default the environment's name in
/// the working directory.
///
/// # Errors
/// Those of every stage up to the archive; nothing is left at `output` then.
pub fn pack(
    source: &SourceOptions,
    options: &PackOptions,
    output: Option<PathBuf>,
    on_existing: OnExisting,
    progress: &dyn Progress,
) -> Result<Packed> {
    let format = options.format_for(output.as_ref().map(|path| path.to_string_lossy()).as_deref())?;
    options.layout(format)?;
    let cache = RunCache::open(options.cache)?;
    let plan = Plan::new(source)?;
    let path = output.unwrap_or_else(|| default_output(plan.name(), format));
    if plan.holds(&path) {
        return Err(InsideSource { path }.into());
    }
    if format == Format::Directory {
        // Only tried: it would be in the way of the one that is filled later.
        match StagedDir::create(&path) {
            Err(fs::Error::NotEmpty { path }) if on_existing == OnExisting::Replace => {
                return Err(KeepsDirectory { path }.into());
            }
            tried => drop(tried?),
        }
        let environment = plan.build(source, progress)?;
        let assembly = Assembly::new(&environment, options, format, cache, None, progress)?;
        let size = assembly.write_directory(&path, options.threads(), progress)?;
        return Ok(packed(path, format, size, None, assembly, progress));
    }
    let mut file = StagedFile::create(&path, on_existing)?;
    let environment = plan.build(source, progress)?;
    let assembly = Assembly::new(&environment, options, format, cache, Some(&path), progress)?;
    let written = assembly.write(&mut file, options, progress)?;
    file.commit()?;
    Ok(packed(path, format, written.size, Some(hex::encode(written.sha256)), assembly, progress))
}

fn default_output(name: &str, format: Format) -> PathBuf {
    match format {
        Format::Directory => PathBuf::from(format!("{name}/")),
        _ => PathBuf::from(format!("{name}.{format}")),
    }
}

fn packed(
    path: PathBuf,
    format: Format,
    size: u64,
    sha256: Option<String>,
    assembly: Assembly,
    progress: &dyn Progress,
) -> Packed {
    let (digest, contents) = (assembly.digest.to_string(), assembly.contents());
    assembly.close(progress);
    Packed { path, format, size, sha256, digest, contents }
}
