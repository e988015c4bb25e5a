//! `katonic admin`: what administrators see and change of the running platform.

use clap::Subcommand;

use super::Context;
use crate::{exit::Exit, failure::Failure};

mod log_level;
mod parked;
mod search;
mod status;

/// What to do with the running platform.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Show which log lines a part writes, or change it for a while.
    LogLevel(log_level::LogLevelArgs),
    /// Make the search index anew.
    #[command(subcommand)]
    Search(search::SearchCommand),
    /// Look at messages that a part could not handle; send them back or drop them.
    #[command(subcommand)]
    Parked(parked::ParkedCommand),
    /// Show what waits in each part: events, messages, and who leads.
    Status,
}

/// Runs a command on the running platform.
pub async fn run(context: &Context, command: AdminCommand) -> Result<Exit, Failure> {
    match command {
        AdminCommand::LogLevel(args) => log_level::run(context, args).await,
        AdminCommand::Search(command) => search::run(context, command).await,
        AdminCommand::Parked(command) => parked::run(context, command).await,
        AdminCommand::Status => status::run(context).await,
    }
}
