//! `katonic jobs rerun`: the same once more, and what differs.

use clap::Args;
use katonic_domain::ProjectId;
use katonic_proto::dispatcher::v1::{Execution, RerunExecutionRequest};

use super::{
    Context, Incomplete, attach, get_execution,
    launch::{AfterArgs, LaunchArgs},
};
use crate::{client::IdempotencyKey, differences, execution::ExecutionArgs, exit::Exit, failure::Failure};

/// Arguments of `jobs rerun`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs rerun 12
  katonic jobs rerun 12 --tier large --param lr=0.01
  katonic jobs rerun 12 --detach -- python3 train.py --epochs 30")]
pub struct RerunArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    #[command(flatten)]
    launch: LaunchArgs,
    #[command(flatten)]
    after: AfterArgs,
    /// Print the new job's id and leave, instead of watching it.
    #[arg(long)]
    detach: bool,
    /// Another program and its arguments.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs a job once more, says what differs, and watches it.
pub async fn run(context: &Context, args: RerunArgs) -> Result<Exit, Failure> {
    let id = args.execution.resolve(&context.client).await?;
    let of = get_execution(&context.client, id).await?;
    let project: ProjectId = of.project_id.parse().map_err(|_| Incomplete("project id"))?;
    let after = args.after.of(&context.client, project).await?;
    let request = RerunExecutionRequest { after, ..args.request(&of) };
    let answer = context.client.rerun_execution(IdempotencyKey::generate(), request).await?;
    let execution = answer.execution.ok_or(Incomplete("execution"))?;
    for difference in differences::between(&of, &execution) {
        context.output.warning(&difference.to_string());
    }
    if args.detach {
        context.output.answer(&execution, |execution| format!("{}\n", execution.execution_id))?;
        return Ok(Exit::OK);
    }
    attach::run(context, &execution).await
}

impl RerunArgs {
    fn request(&self, of: &Execution) -> RerunExecutionRequest {
        RerunExecutionRequest {
            execution_id: of.execution_id.clone(),
            command: self.command.clone(),
            title: self.launch.title(),
            commit: String::new(),
            tier: self.launch.tier(),
            timeout: self.launch.timeout(),
            grace: None,
            params: self.launch.params(),
            tags: self.launch.tags(),
            priority: self.launch.priority().into(),
            retry: self.launch.retry(),
            after: Vec::new(),
            env: self.launch.env(),
        }
    }
}
