//! `katonic explain`.

use clap::Args;
use katonic_proto::dispatcher::v1::{ExplainExecutionRequest, ExplainExecutionResponse};

use super::Context;
use crate::{execution::ExecutionArgs, exit::Exit, failure::Failure, output::fields, text};

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic explain 12")]
pub struct ExplainArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
}

/// Says why an execution is where it is.
pub async fn run(context: &Context, args: ExplainArgs) -> Result<Exit, Failure> {
    let execution_id = args.execution.resolve(&context.client).await?.to_string();
    let request = ExplainExecutionRequest { execution_id };
    let response = context.client.explain_execution(request).await?;
    context.output.answer(&response, human)?;
    Ok(Exit::OK)
}

fn human(response: &ExplainExecutionResponse) -> String {
    let place = match (response.queue_place, response.queue_length) {
        (0, _) => String::new(),
        (place, length) => format!("{place} of {length}"),
    };
    let mut lines = vec![
        ("phase", text::phase(response.phase())),
        ("why", response.summary.clone()),
        ("next", response.next_step.clone()),
        ("place in the queue", place),
    ];
    lines.extend(response.observations.iter().map(|seen| (seen.name.as_str(), seen.value.clone())));
    fields(&lines)
}
