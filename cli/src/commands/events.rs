//! `katonic events`.

use clap::Args;
use katonic_proto::{
    dispatcher::v1::{ListExecutionEventsRequest, ListExecutionEventsResponse, PublishedEvent},
    json,
};
use serde_json::Value;

use super::Context;
use crate::{execution::ExecutionArgs, exit::Exit, failure::Failure, output::table, text};

/// Arguments of `events`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic events 12")]
pub struct EventsArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
}

/// Lists the events of an execution, oldest first.
pub async fn run(context: &Context, args: EventsArgs) -> Result<Exit, Failure> {
    let execution_id = args.execution.resolve(&context.client).await?.to_string();
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
