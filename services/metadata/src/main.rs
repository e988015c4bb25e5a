//! `katonic-metadata --role api|git --config <file.toml>`: see the library.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use katonic_metadata::{
    app::{App, Role},
    config::Config,
};
use katonic_service::{config, runtime, telemetry};

/// Users, tokens, projects and decisions; or their repositories.
#[derive(Parser)]
struct Arguments {
    /// What this process is for.
    #[arg(long, value_enum)]
    role: Role,
    /// Its configuration.
    #[arg(long)]
    config: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    runtime::run("metadata", |shutdown| async move {
        let config: Config = config::load_file(&arguments.config)?;
        let telemetry = telemetry::init(&config.log, "metadata")?;
        App::build(config, arguments.role, telemetry.handle()).await?.run(shutdown).await
    })
}
