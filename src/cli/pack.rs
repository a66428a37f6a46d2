//! `envship pack`

use std::path::PathBuf;

use crate::cli::archive::ArchiveArgs;
use crate::cli::source::SourceArgs;
use crate::cli::summary;
use crate::error::Result;
use crate::fs::OnExisting;
use crate::ops;
use crate::term::Terminal;

/// Pack an environment into an archive that runs where it lands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship pack                                  # the active environment
  envship pack .venv -o env.tar.gz
  envship pack -n analytics --exclude '*/tests/*'
  envship pack environment.yml --target-glibc 2.17
  envship pack requirements.txt --python 3.11 -o env.zip")]
pub struct Args {
    /// The archive; by default the environment's name with the format's extension. A name that ends
    /// in `/` is a directory.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace an archive that is already there; a directory is never replaced.
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    archive: ArchiveArgs,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        let on_existing = if self.force { OnExisting::Replace } else { OnExisting::Refuse };
        let packed =
            ops::pack(&self.source.options(), &self.archive.options(), self.output, on_existing, terminal)?;
        let path = packed.path.display().to_string();
        terminal.close(summary::rows(&packed.contents, &path, packed.size, &packed.digest));
        if json { terminal.json(&packed) } else { Ok(terminal.data(&format!("{path}\n"))?) }
    }
}
