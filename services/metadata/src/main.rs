//! `katonic-metadata --role api|git --config <file.toml>`: see the library.

use std::process::ExitCode;

use clap::Parser;
use katonic_metadata::{
    app::{App, Role},
    config::Config,
};
use katonic_service::{Start, config::Flags, start};

/// Users, tokens, projects and decisions; or their repositories.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What this process is for.
    #[arg(long, value_enum)]
    role: Role,
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let Arguments { role, flags } = Arguments::parse();
    start::run(role.part(), &flags, |start: Start<Config>| async move {
        App::build(start.config, role, start.telemetry).await?.run(start.shutdown).await
    })
}
