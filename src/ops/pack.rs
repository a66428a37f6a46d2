//! source → archive

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::assemble::{Assembly, Contents, PackOptions};
use super::environment::{Plan, SourceOptions};
use crate::archive;
use crate::artifact::Format;
use crate::error::Result;
use crate::fs::{OnExisting, StagedDir, StagedFile};
use crate::progress::Progress;

/// An archive that was written.
#[derive(Debug, Serialize)]
pub struct Packed {
    pub path: PathBuf,
    /// In bytes; 0 for a directory.
    pub size: u64,
    /// SHA-256 of the archive's bytes, hexadecimal; none for a directory.
    pub sha256: Option<String>,
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
    let plan = Plan::new(source)?;
    let format = options.format_for(output.as_deref())?;
    let path = output.unwrap_or_else(|| PathBuf::from(plan.name()).with_added_extension(format.name()));
    let staged = Staged::create(&path, format, on_existing)?;
    let environment = plan.build(progress)?;
    let assembly = Assembly::new(&environment, options, format, progress)?;
    let (size, sha256) = staged.fill(&assembly, options, progress)?;
    Ok(Packed { path, size, sha256, contents: assembly.contents() })
}

/// An output that can be written, as was seen before any work began.
enum Staged {
    File(StagedFile),
    Directory(StagedDir),
}

impl Staged {
    fn create(path: &Path, format: Format, on_existing: OnExisting) -> Result<Self> {
        Ok(match format {
            Format::Directory => Staged::Directory(StagedDir::create(path)?),
            _ => Staged::File(StagedFile::create(path, on_existing)?),
        })
    }

    fn fill(self, assembly: &Assembly, options: &PackOptions, progress: &dyn Progress) -> Result<(u64, Option<String>)> {
        match self {
            Staged::File(mut file) => {
                let written = assembly.write(&mut file, options, progress)?;
                file.commit()?;
                Ok((written.size, Some(hex::encode(written.sha256))))
            }
            Staged::Directory(directory) => {
                archive::write_tree(&assembly.measured, directory.path(), options.threads(), progress)?;
                directory.commit()?;
                Ok((0, None))
            }
        }
    }
}
