//! The command line: what was typed becomes validated options, one file per
//! command; each calls one verb of `ops`.

mod archive;
mod cache;
mod conf;
mod engine;
mod filter;
mod inspect;
mod pack;
mod publish;
mod ship;
mod source;
mod summary;
mod swapped;
mod unpack;
mod verify;

use std::str::FromStr;

use clap::{Parser, Subcommand};

use crate::error::{Explain, Result};
use crate::term::{Terminal, Verbosity};

/// Packs a Python environment into a relocatable archive, publishes it, and
/// prints the configuration that makes an engine use it.
#[derive(Debug, Parser)]
#[command(name = "envship", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "The main job in one line:
  envship ship environment.yml s3a://bucket/envs/ --for spark-submit

Exit codes: 0 done; 1 something that was given is at fault; 2 the command line is wrong;
3 network or server at fault, worth trying again; 130 interrupted.")]
pub struct Cli {
    /// Say nothing but warnings and errors.
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Print one JSON object on stdout.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pack(Box<pack::Args>),
    Ship(Box<ship::Args>),
    Publish(publish::Args),
    Conf(conf::Args),
    Unpack(unpack::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Cache(cache::Args),
}

impl Cli {
    /// The terminal that the options ask for.
    #[must_use]
    pub fn terminal(&self) -> Terminal {
        Terminal::new(if self.quiet { Verbosity::Quiet } else { Verbosity::Normal })
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Whatever the command says.
    pub fn run(self, terminal: &Terminal) -> Result<()> {
        match self.command {
            Command::Pack(args) => args.run(self.json, terminal),
            Command::Ship(args) => args.run(self.json, terminal),
            Command::Publish(args) => args.run(self.json, terminal),
            Command::Conf(args) => args.run(self.json, terminal),
            Command::Unpack(args) => args.run(self.json, terminal),
            Command::Inspect(args) => args.run(self.json, terminal),
            Command::Verify(args) => args.run(self.json, terminal),
            Command::Cache(args) => args.run(self.json, terminal),
        }
    }
}

/// Parses a value, and says with the error what would be right.
fn explained<T: FromStr<Err: Explain>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// Parses a value and keeps the text, to speak of it as the user does.
fn explained_text<T: FromStr<Err = String>>(text: &str) -> Result<(String, T), String> {
    Ok((text.to_owned(), text.parse()?))
}

/// A path that means the same on every machine.
fn absolute(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("give an absolute path".to_owned()) }
}
