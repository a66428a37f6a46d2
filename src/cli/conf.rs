//! `envship conf`

use crate::cli::engine::{self, EngineArgs};
use crate::conf::Target;
use crate::error::Result;
use crate::ops;
use crate::term::Terminal;

/// Print the configuration that makes an engine use an archive.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship conf s3a://bucket/envs/my-0123456789ab.tar.gz --for spark-submit
  envship conf env.tar.gz --for spark-submit --master standalone --deploy-mode client --driver-python python3.11
  envship conf s3a://bucket/envs/my-0123456789ab.tar.gz --for spark-defaults >> spark-defaults.conf
  envship conf --list")]
pub struct Args {
    /// The archive as the engine will see it: a URL or a path.
    #[arg(value_name = "ARCHIVE", required_unless_present = "list")]
    archive: Option<String>,

    /// List the targets.
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        match self.archive {
            Some(archive) if !self.list => {
                let rendered = ops::conf(&archive, &self.engine.options(), terminal)?;
                if json {
                    engine::print_json(&rendered, terminal)
                } else {
                    engine::print(&rendered, terminal)
                }
            }
            _ => list(json, terminal),
        }
    }
}

fn list(json: bool, terminal: &Terminal) -> Result<()> {
    if json {
        let targets: serde_json::Map<_, _> =
            Target::ALL.iter().map(|target| (target.to_string(), target.about().into())).collect();
        return terminal.json(&targets);
    }
    let lines: Vec<_> =
        Target::ALL.iter().map(|target| format!("{:<16}{}", target.to_string(), target.about())).collect();
    Ok(terminal.data(&format!("{}\n", lines.join("\n")))?)
}
