//! Starts the gateway.

use std::process::ExitCode;

use katonic_api_gateway::{NAME, app::App, config::Config};
use katonic_service::{config, runtime, telemetry};

fn main() -> ExitCode {
    runtime::run(NAME, |shutdown| async move {
        let config: Config = config::load(std::env::args_os())?;
        let telemetry = telemetry::init(&config.log, NAME)?;
        let app = App::bind(&config, Some(telemetry.handle())).await?;
        app.run(shutdown).await;
        anyhow::Ok(())
    })
}
