//! `katonic-agent`: serves the members of one machine (M4).
//!
//! One process outside the users' reach. For each member directory it claims
//! the right to run, prepares the files, lets the shim go, ships the log,
//! delivers stops, saves results, reports, and removes what is left:
//!
//! ```text
//!            ┌─ session: claim, renew, orders ─▶ stop.json
//!   member ──┼─ life:    prepare ▶ go ▶ launched ▶ exit ▶ results, metrics ▶ finished ▶ free
//!            ├─ usage:   launched ▶ samples … ▶ exit
//!            └─ ship:    spool ▶ Append … ▶ CloseLog
//! ```
//!
//! All state is in the member directory: it may be killed at any point, and the
//! next one goes on there. It ends nobody's process by ending.

mod app;
mod arguments;
mod backoff;
mod free;
mod git;
mod inputs;
mod life;
mod lost;
mod manifest;
mod metrics_file;
mod results;
mod session;
mod ship;
mod tree;
mod usage;
mod watch;

use std::{env, process::ExitCode};

use katonic_service::{
    config::{LogSection, TelemetrySection},
    runtime, telemetry,
};

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("katonic-agent: {error}");
            return ExitCode::from(2);
        }
    };
    let traces = TelemetrySection { otlp_endpoint: arguments.otlp_endpoint.clone(), ..TelemetrySection::default() };
    runtime::run("agent", |shutdown| async move {
        let _telemetry = telemetry::init(&LogSection::default(), &traces, "agent").map_err(Failed::Telemetry)?;
        app::run(arguments, shutdown).await.map_err(Failed::from)
    })
}

/// Why the agent ended.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("log lines and traces cannot be set up")]
    Telemetry(#[source] telemetry::Error),
    #[error(transparent)]
    Serving(#[from] app::Error),
}
