//! What is packed: a spec, an environment by path or name, or the active one.

use std::path::PathBuf;

use clap::Args;

use crate::baseline::GlibcTarget;
use crate::ops::{Given, SourceOptions};
use crate::spec::{ChannelOptions, PythonRequest};

#[derive(Debug, Args)]
pub struct SourceArgs {
    /// A spec (environment.yml, requirements.txt) or an environment's folder;
    /// without one, the active environment.
    #[arg(value_name = "SOURCE", conflicts_with_all = ["name", "prefix"])]
    source: Option<PathBuf>,

    #[command(flatten)]
    named: NamedArgs,
}

/// Everything but the positional argument, for commands with another one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct NamedArgs {
    /// The conda environment of this name.
    #[arg(short, long, value_name = "NAME", conflicts_with = "prefix")]
    name: Option<String>,

    /// The environment in this folder.
    #[arg(short, long, value_name = "DIR")]
    prefix: Option<PathBuf>,

    /// The Python of a requirements file: a path, a version, or `conda:3.11`
    /// for one from a conda channel.
    #[arg(long, value_name = "PYTHON")]
    python: Option<PythonRequest>,

    /// A conda channel that is asked before those of the spec (name, URL or folder).
    #[arg(short, long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,

    /// Ask only the channels that --channel names.
    #[arg(long, requires = "channels")]
    override_channels: bool,

    /// Where channel names lead to; by default conda-forge's host.
    #[arg(long, value_name = "URL")]
    channel_alias: Option<String>,

    /// The glibc that the cluster has: a version (2.17), or `centos7`, `rhel8`, `manylinux2014`…
    #[arg(long, value_name = "VERSION")]
    target_glibc: Option<GlibcTarget>,

    /// What the environment is called in the archive's name.
    #[arg(long, value_name = "NAME")]
    env_name: Option<String>,
}

impl SourceArgs {
    pub fn options(self) -> SourceOptions {
        self.named.options(self.source)
    }
}

impl NamedArgs {
    pub fn options(self, source: Option<PathBuf>) -> SourceOptions {
        let given = match (source, self.name, self.prefix) {
            (Some(path), _, _) => Given::Path(path),
            (None, Some(name), _) => Given::Name(name),
            (None, None, Some(prefix)) => Given::Prefix(prefix),
            (None, None, None) => Given::Active,
        };
        SourceOptions {
            given,
            python: self.python,
            channels: ChannelOptions {
                extra: self.channels,
                override_spec: self.override_channels,
                alias: self.channel_alias,
            },
            target_glibc: self.target_glibc,
            env_name: self.env_name,
        }
    }
}
