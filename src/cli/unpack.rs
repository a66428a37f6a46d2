//! `envship unpack`

use std::path::PathBuf;

use crate::archive::AbsoluteLinks;
use crate::cli::swapped;
use crate::error::Result;
use crate::ops;
use crate::term::{self, Terminal};

/// Unpack an archive safely, and finish what only the destination tells.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship unpack env.tar.gz /opt/envs/analytics
  envship unpack https://host/envs/my-0123456789ab.tar.gz /opt/envs/analytics
  ssh host cat env.tar.gz | envship unpack /dev/stdin env
  envship unpack venv-pack.tar.gz env --allow-absolute-links")]
pub struct Args {
    /// The archive or its URL: tar, tar.gz, tar.zst or zip, by whatever tool; a pipe will do.
    archive: PathBuf,

    /// The folder to make; it must be missing or empty.
    directory: PathBuf,

    /// Make links with absolute targets, as venv-pack's `bin/python` is; nothing is written through them.
    #[arg(long)]
    allow_absolute_links: bool,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        swapped::folder_first("unpack", &self.archive, &self.directory)?;
        let links = if self.allow_absolute_links { AbsoluteLinks::Allow } else { AbsoluteLinks::Refuse };
        let unpacked = ops::unpack(&self.archive, &self.directory, links, terminal)?;
        terminal.close(vec![
            ("files", format!("{} ({})", unpacked.files, term::bytes(unpacked.size))),
            ("directory", unpacked.directory.display().to_string()),
        ]);
        if json {
            terminal.json(&unpacked)
        } else {
            Ok(terminal.data(&format!("{}\n", unpacked.directory.display()))?)
        }
    }
}
