//! `envship cache`

use clap::Subcommand;

use crate::error::Result;
use crate::ops::{self, CacheInfo};
use crate::term::{Table, Terminal, bytes};

/// Look at, or empty, what is kept to make the next pack faster.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  envship cache info
  envship cache clean
  du -sh \"$(envship cache dir)\"

Kept are compressed stretches of archives, compiled modules, and what reading the files of an
environment found. The archive is the same, byte for byte, with and without them.

The folder is ENVSHIP_CACHE_DIR, else envship in XDG_CACHE_HOME, else ~/.cache/envship. When it
outgrows ENVSHIP_CACHE_SIZE (10G), what was not used for longest goes first; what was used in the
last hour stays, since another process may need it."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Tell what is in the cache and how large it may get.
    Info,
    /// Empty the cache.
    Clean,
    /// Print the folder of the cache.
    Dir,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        match self.command {
            Command::Info => show(&ops::cache_info()?, json, terminal, |info| {
                let mut table = Table::new(["kept", "pieces", "size"]);
                for content in &info.contents {
                    table.row([content.kind.to_owned(), content.pieces.to_string(), bytes(content.size)]);
                }
                let (size, limit) = (bytes(info.size), bytes(info.limit));
                format!("{}\n{size} of at most {limit} in {}\n", table.text(), info.folder.display())
            }),
            Command::Clean => show(&ops::cache_clean(terminal)?, json, terminal, |info| {
                format!("{} removed from {}\n", bytes(info.size), info.folder.display())
            }),
            Command::Dir => {
                let folder = ops::cache_dir()?;
                if json {
                    terminal.json(&serde_json::json!({ "folder": folder }))
                } else {
                    Ok(terminal.data(&format!("{}\n", folder.display()))?)
                }
            }
        }
    }
}

fn show(
    info: &CacheInfo,
    json: bool,
    terminal: &Terminal,
    text: impl Fn(&CacheInfo) -> String,
) -> Result<()> {
    if json { terminal.json(info) } else { Ok(terminal.data(&text(info))?) }
}
