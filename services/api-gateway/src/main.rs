//! `katonic-api-gateway --config <file.toml>`: see the library.

use std::process::ExitCode;

use clap::Parser;
use katonic_api_gateway::{NAME, app::App, config::Config};
use katonic_service::{Start, config::Flags, start};

fn main() -> ExitCode {
    start::run(NAME, &Flags::parse(), |start: Start<Config>| async move {
        let app = App::bind(&start.config, Some(start.telemetry)).await?;
        app.run(start.shutdown).await;
        anyhow::Ok(())
    })
}
