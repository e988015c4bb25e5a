//! `katonic-search-indexer --config <file.toml>`: see the library.

use std::process::ExitCode;

use clap::Parser;
use katonic_search_indexer::{App, Config, NAME};
use katonic_service::{Start, config::Flags, start};

fn main() -> ExitCode {
    start::run(NAME, &Flags::parse(), |start: Start<Config>| async move {
        let app = App::build(&start.config).await?.telemetry(start.telemetry);
        app.run(start.shutdown).await
    })
}
