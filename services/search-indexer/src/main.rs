//! `katonic-search-indexer --config <file.toml>`

use std::process::ExitCode;

use katonic_search_indexer::{App, Config, NAME};
use katonic_service::{config, runtime, telemetry};

fn main() -> ExitCode {
    runtime::run(NAME, |shutdown| async move {
        let config: Config = config::load(std::env::args_os())?;
        let telemetry = telemetry::init(&config.log, NAME)?;
        let app = App::build(&config).await?.telemetry(telemetry.handle());
        tracing::info!(address = %app.address()?, "serving");
        app.run(shutdown).await
    })
}
