//! `katonic results`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use katonic_domain::ExecutionId;
use serde_json::json;

use super::{Context, get_execution};
use crate::{
    execution::ExecutionArgs,
    exit::Exit,
    failure::{Explain, Failure},
    output,
    progress::Progress,
    results::{self, Pulled, Source},
};

/// What to do with results.
#[derive(Debug, Subcommand)]
pub enum ResultsCommand {
    /// Bring the files that an execution made or changed.
    Pull(PullArgs),
}

/// Arguments of `results pull`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic results pull 12
  katonic results pull 12 --into results")]
pub struct PullArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Folder to put them in, made if need be; `results-` and the end of the id where unset.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Replace files that differ from what the execution was given.
    #[arg(long)]
    force: bool,
}

/// The thread that fetches them has died.
#[derive(Debug, thiserror::Error)]
#[error("fetching the results was broken off")]
pub(super) struct BrokenOff(#[source] pub(super) tokio::task::JoinError);

impl Explain for BrokenOff {
    fn next_step(&self) -> String {
        "repeat the command".to_owned()
    }
}

/// Runs a command on results.
pub async fn run(context: &Context, command: ResultsCommand) -> Result<Exit, Failure> {
    match command {
        ResultsCommand::Pull(args) => pull(context, args).await,
    }
}

async fn pull(context: &Context, args: PullArgs) -> Result<Exit, Failure> {
    let id = args.execution.resolve(&context.client).await?;
    let execution = get_execution(&context.client, id).await?;
    let into = args.into.unwrap_or_else(|| default_folder(id));
    let Some(source) = Source::of(&execution)? else {
        return answer(context, &into, &Pulled::default());
    };
    let progress = Progress::new(context.output);
    progress.say("fetching the results");
    let (endpoint, folder, force) = (context.client.endpoint().clone(), into.clone(), args.force);
    let pulled = tokio::task::spawn_blocking(move || results::pull(&source, &endpoint, &folder, force));
    let pulled = pulled.await.map_err(BrokenOff)??;
    drop(progress);
    answer(context, &into, &pulled)
}

fn answer(context: &Context, into: &std::path::Path, pulled: &Pulled) -> Result<Exit, Failure> {
    let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    if context.output.is_json() {
        let document = json!({
            "folder": into.display().to_string(),
            "written": names(&pulled.written),
            "unchanged": names(&pulled.unchanged),
            "deleted": names(&pulled.deleted),
        });
        context.output.document(&document)?;
        return Ok(Exit::OK);
    }
    let mut lines = String::new();
    for name in names(&pulled.written) {
        lines.push_str(&format!("{}\n", crate::failure::one_line(&name)));
    }
    output::print(&lines)?;
    let total = pulled.written.len() + pulled.unchanged.len();
    context.output.notice(&match total {
        0 => "the execution made and changed no files".to_owned(),
        _ => format!("{} of {total} files written to {}", pulled.written.len(), into.display()),
    });
    for name in names(&pulled.deleted) {
        context.output.notice(&format!("the execution deleted {name}; yours is kept"));
    }
    Ok(Exit::OK)
}

fn default_folder(execution: ExecutionId) -> PathBuf {
    let suffix = execution.suffix();
    // The end of the id is its random part.
    PathBuf::from(format!("results-{}", &suffix[suffix.len() - 6..]))
}
