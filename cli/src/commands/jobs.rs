//! `katonic jobs`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use katonic_domain::Tag;
use katonic_proto::{
    dispatcher::v1::{
        Attempt, Condition, Dependency, DependencyCondition, Execution, ListJobsRequest, ListJobsResponse, Phase,
        StopExecutionRequest, UpdateExecutionRequest,
    },
    json,
};

use super::{
    Context, Incomplete,
    batch::{self, SubmitArgs},
    compare::{self, CompareArgs},
    get_execution,
    rerun::{self, RerunArgs},
    run::current_folder,
    usage::{self, UsageArgs},
};
use crate::{
    execution::ExecutionArgs,
    exit::Exit,
    failure::Failure,
    output::{fields, table, whole},
    pages,
    project::{self, ProjectRef},
    text,
};

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List the jobs of a project, newest first.
    List(ListArgs),
    /// Show a job.
    Show(ShowArgs),
    /// Show jobs side by side: what they were given, what became of them, and where they differ.
    Compare(CompareArgs),
    /// Change the title, the tags or the notes of a job, or archive it.
    Edit(EditArgs),
    /// Run a job once more, but for what is said here.
    Rerun(RerunArgs),
    /// Stop a job: TERM, its grace time, then KILL.
    Stop(StopArgs),
    /// Submit the jobs of a file, a thousand in a call.
    Submit(SubmitArgs),
    /// Show what a job used of its machine, over time, and what that costs.
    Usage(UsageArgs),
}

/// Arguments of `jobs list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs list
  katonic jobs list --project churn --limit 5 --output json")]
pub struct ListArgs {
    /// The project, by name or id; this folder's where unset.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    /// Only jobs with this tag; repeated: with all of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// The archived ones in the place of the others.
    #[arg(long)]
    archived: bool,
    /// How many to list.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Arguments of `jobs show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic jobs show 12")]
pub struct ShowArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
}

/// Arguments of `jobs edit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs edit 12 --title 'the good one' --tag kept
  katonic jobs edit 12 --notes 'overfits from epoch 7 on'
  katonic jobs edit 12 --no-tags --archive")]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub struct EditArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// What to call it.
    #[arg(long, group = "change")]
    title: Option<String>,
    /// What to write about it; replaces what was written.
    #[arg(long, group = "change", value_name = "TEXT")]
    notes: Option<String>,
    /// Leave it out of lists.
    #[arg(long, group = "change")]
    archive: bool,
    /// Take it into lists again.
    #[arg(long, group = "change", conflicts_with = "archive")]
    restore: bool,
    /// A tag that it is to have; those that are not named here go.
    #[arg(long = "tag", value_name = "TAG", group = "change")]
    tags: Vec<Tag>,
    /// Take all its tags away.
    #[arg(long, conflicts_with = "tags", group = "change")]
    no_tags: bool,
}

/// Arguments of `jobs stop`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs stop 12
  katonic jobs stop 12 --discard")]
pub struct StopArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Save no results; the log stays.
    #[arg(long)]
    discard: bool,
}

/// Runs a command on jobs.
pub async fn run(context: &Context, command: JobsCommand) -> Result<Exit, Failure> {
    match command {
        JobsCommand::List(args) => list(context, args).await,
        JobsCommand::Show(args) => {
            let id = args.execution.resolve(&context.client).await?;
            let execution = get_execution(&context.client, id).await?;
            context.output.answer(&execution, human)?;
            Ok(Exit::OK)
        }
        JobsCommand::Compare(args) => compare::run(context, args).await,
        JobsCommand::Edit(args) => edit(context, args).await,
        JobsCommand::Rerun(args) => rerun::run(context, args).await,
        JobsCommand::Stop(args) => stop(context, args).await,
        JobsCommand::Submit(args) => batch::submit(context, args).await,
        JobsCommand::Usage(args) => usage::run(context, args).await,
    }
}

async fn edit(context: &Context, args: EditArgs) -> Result<Exit, Failure> {
    let mut paths = Vec::new();
    paths.extend(args.title.is_some().then(|| "title".to_owned()));
    paths.extend((args.no_tags || !args.tags.is_empty()).then(|| "tags".to_owned()));
    paths.extend(args.notes.is_some().then(|| "notes".to_owned()));
    paths.extend((args.archive || args.restore).then(|| "archived".to_owned()));
    let request = UpdateExecutionRequest {
        execution_id: args.execution.resolve(&context.client).await?.to_string(),
        title: args.title.unwrap_or_default(),
        tags: args.tags.iter().map(ToString::to_string).collect(),
        notes: args.notes.unwrap_or_default(),
        archived: args.archive,
        update_mask: Some(prost_types::FieldMask { paths }),
        etag: String::new(),
    };
    let response = context.client.update_execution(request).await?;
    context.output.answer(&response.execution.ok_or(Incomplete("execution"))?, human)?;
    Ok(Exit::OK)
}

async fn list(context: &Context, args: ListArgs) -> Result<Exit, Failure> {
    let named = project::of_folder(args.project, &current_folder()?)?;
    let project_id = project::find(&context.client, &named).await?.to_string();
    let tags: Vec<String> = args.tags.iter().map(ToString::to_string).collect();
    let (executions, next_page_token) = pages::collect(args.limit, async |page_token| {
        let (project_id, tags) = (project_id.clone(), tags.clone());
        let archived = args.archived;
        let request = ListJobsRequest { project_id, page_token, tags, archived, ..Default::default() };
        let page = context.client.list_jobs(request).await?;
        Ok::<_, Failure>((page.executions, page.next_page_token))
    })
    .await?;
    let all = ListJobsResponse { executions, next_page_token };
    context.output.answer(&all, |all| {
        let rows = all.executions.iter().map(row).collect();
        table(["NO", "ID", "PHASE", "REASON", "MADE", "TOOK", "TITLE"], rows, "There are no such jobs yet.")
    })?;
    Ok(Exit::OK)
}

async fn stop(context: &Context, args: StopArgs) -> Result<Exit, Failure> {
    let execution_id = args.execution.resolve(&context.client).await?.to_string();
    let request = StopExecutionRequest { execution_id, discard: args.discard };
    let response = context.client.stop_execution(request).await?;
    let execution = response.execution.ok_or(Incomplete("execution"))?;
    context.output.answer(&execution, |execution| {
        format!("{} is {}; a stop is requested.\n", execution.execution_id, text::phase(execution.phase()))
    })?;
    Ok(Exit::OK)
}

fn row(execution: &Execution) -> [String; 7] {
    [
        execution.number.to_string(),
        execution.execution_id.clone(),
        text::phase(execution.phase()),
        match execution.phase() {
            Phase::Succeeded => String::new(),
            _ => text::reason(execution.reason()),
        },
        text::time(execution.create_time.as_ref()),
        text::elapsed(execution.start_time.as_ref(), execution.end_time.as_ref()),
        execution.title.clone(),
    ]
}

fn human(execution: &Execution) -> String {
    let spec = execution.spec.clone().unwrap_or_default();
    let conditions: Vec<String> = execution.conditions().map(condition).collect();
    let metrics = execution.metrics.as_ref().map(json::from_struct);
    let after: Vec<String> = execution.after.iter().map(dependency).collect();
    let mut lines = vec![
        ("id", execution.execution_id.clone()),
        ("number", execution.number.to_string()),
        ("project", execution.project_id.clone()),
        ("title", execution.title.clone()),
        ("tags", execution.tags.join(", ")),
        ("notes", execution.notes.clone()),
        ("archived", if execution.archived { "yes".to_owned() } else { String::new() }),
        ("rerun of", execution.rerun_of.clone()),
        ("runs after", after.join(", ")),
        ("phase", text::phase(execution.phase())),
        ("tried again at", text::time(execution.retry_time.as_ref())),
        ("reason", text::reason(execution.reason())),
        ("why", execution.reason_text.clone()),
        ("conditions", conditions.join(", ")),
        ("command", text::command(&spec.command)),
        ("parameters", named(&execution.params)),
        ("variables", named(&execution.env)),
        ("priority", text::priority(execution.priority())),
        ("tier", spec.tier.map(|tier| tier.name).unwrap_or_default()),
        ("input", spec.input_commit),
        ("results", execution.results_commit.clone()),
        ("metrics", metrics.map(|metrics| whole(metrics).to_string()).unwrap_or_default()),
        ("metrics left out", execution.metrics_refusal.clone()),
        ("made", text::time(execution.create_time.as_ref())),
        ("started", text::time(execution.start_time.as_ref())),
        ("ended", text::time(execution.end_time.as_ref())),
        ("took", text::elapsed(execution.start_time.as_ref(), execution.end_time.as_ref())),
    ];
    lines.extend(execution.usage.iter().flat_map(usage::lines));
    let mut answer = fields(&lines);
    for attempt in &execution.attempts {
        answer.push_str(&attempt_text(attempt));
    }
    answer
}

/// Values by name as one could type them into a shell.
fn named(values: &BTreeMap<String, String>) -> String {
    let typed: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    text::command(&typed)
}

fn dependency(dependency: &Dependency) -> String {
    match dependency.condition() {
        DependencyCondition::Ended => format!("{} (however it ends)", dependency.execution_id),
        DependencyCondition::Unspecified | DependencyCondition::Succeeded => dependency.execution_id.clone(),
    }
}

fn condition(condition: Condition) -> String {
    text::words(condition.as_str_name().trim_start_matches("CONDITION_"))
}

fn attempt_text(attempt: &Attempt) -> String {
    let outcome = match (attempt.signal, attempt.exit_code) {
        (0, Some(code)) => format!(", exit code {code}"),
        (0, None) => String::new(),
        (signal, _) => format!(", signal {signal}"),
    };
    let reason = text::reason(attempt.reason());
    let mut answer = format!("\nattempt {}: {reason}{outcome}\n", attempt.number);
    for checkpoint in &attempt.checkpoints {
        let name = text::words(checkpoint.kind().as_str_name().trim_start_matches("CHECKPOINT_KIND_"));
        answer.push_str(&format!("  {}  {name}\n", text::time(checkpoint.time.as_ref())));
    }
    answer
}
