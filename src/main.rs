//! Parses the command line, runs it, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use envship::{cli::Cli, interrupt, memory};

fn main() -> ExitCode {
    memory::return_large_buffers();
    let cli = Cli::parse();
    let terminal = cli.terminal();
    if let Err(error) = interrupt::listen() {
        terminal.error(&error.into());
        return ExitCode::FAILURE;
    }
    match cli.run(&terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
