//! `katonic jobs compare`: jobs side by side.

use clap::Args;
use katonic_proto::dispatcher::v1::{Execution, GetMetricsRequest, MetricSeries};

use super::{Context, get_execution, results::BrokenOff};
use crate::{
    comparison::{Comparison, Logged},
    execution::ExecutionsArgs,
    exit::Exit,
    failure::Failure,
    output,
    progress::Progress,
    results::{self, Versions},
};

/// Arguments of `jobs compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs compare 11 12
  katonic jobs compare 11 12 13 --metric loss")]
pub struct CompareArgs {
    #[command(flatten)]
    executions: ExecutionsArgs,
    /// Show what is the same in all of them too.
    #[arg(long)]
    all: bool,
    /// Show what they logged of a metric too, by step.
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
}

/// Shows jobs side by side.
pub async fn run(context: &Context, args: CompareArgs) -> Result<Exit, Failure> {
    let mut executions = Vec::new();
    for id in args.executions.resolve(&context.client).await? {
        executions.push(get_execution(&context.client, id).await?);
    }
    let logged = match args.metric {
        Some(metric) => Some(logged(context, &executions, metric).await?),
        None => None,
    };
    let files = match files(context, &executions).await {
        Ok(files) => Some(files),
        // Such as where one may see executions and not their files.
        Err(failure) => {
            context.output.warning(&format!("the result files are not compared: {failure}"));
            None
        }
    };
    let comparison = Comparison { executions, files, logged };
    if context.output.is_json() {
        context.output.document(&comparison.document(args.all))?;
    } else {
        output::print(&comparison.text(args.all))?;
    }
    Ok(Exit::OK)
}

async fn logged(context: &Context, executions: &[Execution], metric: String) -> Result<Logged, Failure> {
    let mut series: Vec<Option<MetricSeries>> = Vec::new();
    for execution in executions {
        let request = GetMetricsRequest { execution_id: execution.execution_id.clone(), names: vec![metric.clone()] };
        series.push(context.client.get_metrics(request).await?.series.pop());
    }
    Ok(Logged { metric, series })
}

async fn files(context: &Context, executions: &[Execution]) -> Result<Vec<Versions>, Failure> {
    let progress = Progress::new(context.output);
    progress.say("comparing the result files");
    let (executions, endpoint) = (executions.to_vec(), context.client.endpoint().clone());
    let files = tokio::task::spawn_blocking(move || results::versions(&executions, &endpoint));
    Ok(files.await.map_err(BrokenOff)??)
}
