//! `katonic-dispatcher --config <file.toml>`: see the library.

use std::process::ExitCode;

use clap::Parser;
use katonic_dispatcher::{
    app::{App, NAME},
    config::Config,
};
use katonic_service::{Start, config::Flags, start};

fn main() -> ExitCode {
    start::run(NAME, &Flags::parse(), |start: Start<Config>| async move {
        App::build(start.config, start.telemetry).await?.run(start.shutdown).await
    })
}
