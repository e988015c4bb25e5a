//! `katonic limits`.

use clap::{Args, Subcommand};
use katonic_domain::LimitScope;
use katonic_proto::metadata::v1::{Limit, ListLimitsRequest, ListLimitsResponse, SetLimitRequest};

use super::{Context, Incomplete};
use crate::{
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages, text,
};

/// What to do with limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// List the limits that are set.
    List(ListArgs),
    /// Set what a scope may run and queue at once; what is not named has no limit then.
    Set(SetArgs),
}

/// Arguments of `limits list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic limits list")]
pub struct ListArgs {
    /// How many to list.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Arguments of `limits set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic limits set users --running 4 --queued 100")]
pub struct SetArgs {
    /// `installation`, `users` or `projects` (each that has no own), `usr_…` or `prj_…`.
    scope: LimitScope,
    /// How many members may run at once; more queue.
    #[arg(long, value_name = "COUNT")]
    running: Option<u32>,
    /// How many executions may wait; more are refused.
    #[arg(long, value_name = "COUNT")]
    queued: Option<u32>,
}

/// Runs a command on limits.
pub async fn run(context: &Context, command: LimitsCommand) -> Result<Exit, Failure> {
    match command {
        LimitsCommand::List(args) => list(context, &args).await,
        LimitsCommand::Set(args) => {
            let request = SetLimitRequest {
                scope: args.scope.to_string(),
                max_running: args.running,
                max_queued: args.queued,
                etag: String::new(),
            };
            let response = context.client.set_limit(request).await?;
            context.output.answer(&response.limit.ok_or(Incomplete("limit"))?, human)?;
            Ok(Exit::OK)
        }
    }
}

async fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let (limits, next_page_token) = pages::collect(args.limit, async |page_token| {
        let page = context.client.list_limits(ListLimitsRequest { page_size: 0, page_token }).await?;
        Ok::<_, Failure>((page.limits, page.next_page_token))
    })
    .await?;
    context.output.answer(&ListLimitsResponse { limits, next_page_token }, |all| {
        let rows = all.limits.iter().map(row).collect();
        table(["SCOPE", "RUNNING", "QUEUED", "SINCE"], rows, "No limits are set.")
    })?;
    Ok(Exit::OK)
}

fn row(limit: &Limit) -> [String; 4] {
    [limit.scope.clone(), count(limit.max_running), count(limit.max_queued), text::time(limit.change_time.as_ref())]
}

fn human(limit: &Limit) -> String {
    fields(&[
        ("scope", limit.scope.clone()),
        ("running", count(limit.max_running)),
        ("queued", count(limit.max_queued)),
        ("since", text::time(limit.change_time.as_ref())),
    ])
}

fn count(limit: Option<u32>) -> String {
    limit.map(|limit| limit.to_string()).unwrap_or_default()
}
