//! `envship publish`

use std::path::PathBuf;

use crate::cli::swapped;
use crate::error::Result;
use crate::fs::OnExisting;
use crate::ops;
use crate::term::Terminal;

/// Upload an archive to an object store or a directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship publish env.tar.gz s3://bucket/envs/           # <environment>-<digest>.tar.gz
  envship publish env.tar.gz file:///srv/envs/env.tar.gz --force

In a directory the archive is called after its file, or --env-name, and by the digest of what was
packed, as `envship ship` names it. That of another tool's archive is the SHA-256 of its bytes.

Credentials for s3://, s3a:// and s3n:// are found as the AWS tools find them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws, web identity, instance roles; AWS_ENDPOINT_URL names a
server that is not Amazon's.")]
pub struct Args {
    /// The archive.
    archive: PathBuf,

    /// Where it goes; a URL that ends in / is a directory.
    url: String,

    /// Replace a different archive that is already there.
    #[arg(short, long)]
    force: bool,

    /// What the environment is called in the archive's name.
    #[arg(long, value_name = "NAME")]
    env_name: Option<String>,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        swapped::url_first("publish", &self.archive, &self.url)?;
        let on_existing = if self.force { OnExisting::Replace } else { OnExisting::Refuse };
        let published =
            ops::publish(&self.archive, &self.url, self.env_name.as_deref(), on_existing, terminal)?;
        if json { terminal.json(&published) } else { Ok(terminal.data(&format!("{}\n", published.url))?) }
    }
}
