//! `katonic admin log-level`.

use clap::Args;
use jiff::SignedDuration;
use katonic_proto::metadata::v1::{GetLogLevelRequest, PartLogLevel, SetLogLevelRequest};

use crate::{
    commands::{Context, Incomplete},
    exit::Exit,
    failure::Failure,
    output::fields,
    text,
};

/// Arguments of `admin log-level`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic admin log-level dispatcher
  katonic admin log-level dispatcher debug --for 5m")]
pub struct LogLevelArgs {
    /// The part, as `katonic status` names it, such as `dispatcher`.
    part: String,
    /// What to write from now on, such as `debug` or `info,katonic_store=debug`; only shown where unset.
    filter: Option<String>,
    /// For how long, such as `10m`; what is configured comes back by itself.
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", requires = "filter")]
    lifetime: SignedDuration,
    /// Let what is configured hold again now.
    #[arg(long, conflicts_with = "filter")]
    reset: bool,
}

/// Shows or changes a log level.
pub async fn run(context: &Context, args: LogLevelArgs) -> Result<Exit, Failure> {
    let LogLevelArgs { part, filter, lifetime, reset } = args;
    let filter = if reset { Some(String::new()) } else { filter };
    let level = match filter {
        Some(filter) => {
            let request = SetLogLevelRequest { part, filter, lifetime: Some(text::wire_duration(lifetime)) };
            context.client.set_log_level(request).await?.log_level
        }
        None => context.client.get_log_level(GetLogLevelRequest { part }).await?.log_level,
    };
    context.output.answer(&level.ok_or(Incomplete("log_level"))?, human)?;
    Ok(Exit::OK)
}

fn human(level: &PartLogLevel) -> String {
    fields(&[
        ("part", level.part.clone()),
        ("filter", level.filter.clone()),
        ("configured", level.configured_filter.clone()),
        ("until", text::time(level.restore_time.as_ref())),
    ])
}
