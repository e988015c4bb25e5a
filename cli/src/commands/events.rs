//! `katonic events`.

use clap::{Args, Subcommand};
use katonic_proto::{
    dispatcher::v1::{ListExecutionEventsRequest, ListExecutionEventsResponse, PublishedEvent},
    json,
    search::v1::{CloudEvent, FollowEventsRequest},
};
use serde_json::Value;

use super::Context;
use crate::{
    execution::ExecutionArgs,
    exit::Exit,
    failure::Failure,
    output::{print, table},
    project::{self, ProjectRef},
    resume::{Events, Resuming},
    text,
};

/// Arguments of `events`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  katonic events 12
  katonic events follow --project iris"
)]
pub struct EventsArgs {
    #[command(flatten)]
    execution: Option<ExecutionArgs>,
    #[command(subcommand)]
    command: Option<EventsCommand>,
}

/// What to do with events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Show the events of the installation as they happen, until interrupted.
    Follow(FollowArgs),
}

/// Arguments of `events follow`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic events follow --project churn --from start --output json")]
pub struct FollowArgs {
    /// Only events of this project, by name or id.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    /// Only events of this type, such as `io.katonic.execution.finished.v1` or `io.katonic.execution.*`.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events of this execution, project or other thing, by its id.
    #[arg(long, default_value_t, hide_default_value = true, value_name = "ID")]
    subject: String,
    /// `now`, `start` for all there ever were, or a cursor of earlier output.
    #[arg(long, default_value = "now", value_name = "CURSOR")]
    from: String,
}

/// Lists the events of an execution, or follows the installation's.
pub async fn run(context: &Context, args: EventsArgs) -> Result<Exit, Failure> {
    match (args.command, args.execution) {
        (Some(EventsCommand::Follow(args)), _) => follow(context, args).await,
        (None, Some(execution)) => list(context, execution).await,
        (None, None) => Ok(Exit::OK),
    }
}

async fn follow(context: &Context, args: FollowArgs) -> Result<Exit, Failure> {
    let project_id = match args.project {
        Some(named) => project::find(&context.client, &named).await?.to_string(),
        None => String::new(),
    };
    let (cursor, from_start) = match args.from.as_str() {
        "now" => (String::new(), false),
        "start" => (String::new(), true),
        cursor => (cursor.to_owned(), false),
    };
    let request = FollowEventsRequest { cursor, from_start, project_id, types: args.types, subject: args.subject };
    let mut events = Resuming::new(&context.client, Events(request));
    while let Some(answer) = events.next().await? {
        let Some(event) = &answer.event else { continue };
        if context.output.is_json() {
            context.output.item(&json::to_value(&answer))?;
        } else {
            print(&line(event))?;
        }
    }
    Ok(Exit::OK)
}

fn line(event: &CloudEvent) -> String {
    let time = event.time.split('.').next().unwrap_or_default().trim_end_matches('Z');
    let data = event.data.as_ref().map(json::from_struct).unwrap_or_default();
    let title = data.get("title").or_else(|| data.get("name")).and_then(Value::as_str).unwrap_or_default();
    let name = event.r#type.trim_start_matches("io.katonic.").trim_end_matches(".v1");
    format!("{time}  {name:24}  {}  {}\n", event.subject, crate::failure::one_line(title)).replace("  \n", "\n")
}

/// Lists the events of an execution, oldest first.
async fn list(context: &Context, execution: ExecutionArgs) -> Result<Exit, Failure> {
    let execution_id = execution.resolve(&context.client).await?.to_string();
    let mut request = ListExecutionEventsRequest { execution_id, ..Default::default() };
    let mut all = ListExecutionEventsResponse::default();
    loop {
        let page = context.client.list_execution_events(request.clone()).await?;
        all.events.extend(page.events);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    context.output.answer(&all, |all| {
        let rows = all.events.iter().map(row).collect();
        table(["SEQUENCE", "TIME", "TYPE", "PHASE"], rows, "There are no events yet.")
    })?;
    Ok(Exit::OK)
}

fn row(event: &PublishedEvent) -> [String; 4] {
    let data = event.data.as_ref().map(json::from_struct).unwrap_or_default();
    let phase = data.get("phase").and_then(Value::as_str).unwrap_or_default();
    [
        event.sequence.trim_start_matches('0').to_owned(),
        text::time(event.time.as_ref()),
        event.r#type.clone(),
        phase.trim_start_matches("PHASE_").to_ascii_lowercase(),
    ]
}
