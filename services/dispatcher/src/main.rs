//! `katonic-dispatcher --config <file.toml>`: see the library.

use std::process::ExitCode;

use katonic_dispatcher::{app::App, config::Config};
use katonic_service::{config, runtime, telemetry};

fn main() -> ExitCode {
    runtime::run("dispatcher", |shutdown| async move {
        let config: Config = config::load(std::env::args_os())?;
        let telemetry = telemetry::init(&config.log, "dispatcher")?;
        App::build(config, telemetry.handle()).await?.run(shutdown).await
    })
}
