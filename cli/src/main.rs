//! The `katonic` binary: parses the arguments, runs one command, exits with
//! its code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use katonic_cli::{args::Cli, commands};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
