//! `katonic admin search`.

use clap::Subcommand;
use katonic_proto::search::v1::RebuildIndexRequest;

use crate::{commands::Context, exit::Exit, failure::Failure};

/// What to do with the search index.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Make the index anew, beside the one that answers until then.
    Rebuild,
}

/// Runs a command on the search index.
pub async fn run(context: &Context, command: SearchCommand) -> Result<Exit, Failure> {
    match command {
        SearchCommand::Rebuild => {
            let answer = context.client.rebuild_index(RebuildIndexRequest {}).await?;
            context.output.answer(&answer, |answer| {
                let begun = if answer.already_running { "is being made anew already" } else { "is made anew" };
                format!("The search index {begun}; the present one answers meanwhile.\n")
            })?;
            Ok(Exit::OK)
        }
    }
}
