//! `katonic run`: this folder, this command, there; its log and its code, here.
//!
//! ```text
//!  folder ──snapshot──┐
//!                     ├──> push, unless the project has it ──> SubmitJob ──> attach
//!  project ──id───────┘         ^                                 │
//!                               └──────── UNKNOWN_COMMIT ─────────┘  once
//! ```

use std::{
    env, io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use katonic_domain::{CommitId, Name, ProjectId, Tag};
use katonic_proto::dispatcher::v1::{self as wire, Execution, SubmitJobRequest};

use super::{Context, Incomplete, attach};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::{Explain, Failure},
    git,
    progress::Progress,
    project::{self, ProjectRef},
    snapshot::{self, Snapshots},
    text,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic run -- python3 train.py --epochs 3
  katonic run --tier small --timeout 2h -- ./evaluate.sh
  katonic run --detach --title nightly -- make all")]
pub struct RunArgs {
    /// The project, by name or id; else `.katonic.toml` says it, else the folder's name.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    /// What to call the job; the command where unset.
    #[arg(long)]
    title: Option<String>,
    /// What to run it on; see `katonic tiers list`.
    #[arg(long)]
    tier: Option<Name>,
    /// How long it may run, such as `90s`, `10m` or `2h 30m`; 24 hours where unset.
    #[arg(long, value_name = "DURATION")]
    timeout: Option<SignedDuration>,
    /// What the command is given as `KATONIC_PARAM_<NAME>`; may be repeated. Readers of the project see it.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, String)>,
    /// A label to find the job by; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// How it is ordered in the queue of its tier.
    #[arg(long, value_enum, default_value = "normal")]
    priority: Priority,
    /// Print the job's id and leave, instead of watching it.
    #[arg(long)]
    detach: bool,
    /// The program and its arguments; never passed through a shell.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// How urgent a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Priority {
    /// After all others, such as a sweep that may take days.
    Low,
    /// As most.
    Normal,
    /// Before all others, such as what somebody waits for.
    High,
}

impl From<Priority> for wire::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

fn param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The folder that one stands in is gone.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell which folder this is")]
pub struct NoFolder(#[source] io::Error);

impl Explain for NoFolder {
    fn next_step(&self) -> String {
        "change to a folder that exists and repeat the command".to_owned()
    }
}

/// The thread that took the snapshot has died.
#[derive(Debug, thiserror::Error)]
#[error("taking the snapshot was broken off")]
struct BrokenOff(#[source] tokio::task::JoinError);

impl Explain for BrokenOff {
    fn next_step(&self) -> String {
        "repeat the command".to_owned()
    }
}

/// The folder that one stands in, without symbolic links.
pub fn current_folder() -> Result<PathBuf, NoFolder> {
    env::current_dir().and_then(|folder| folder.canonicalize()).map_err(NoFolder)
}

/// Runs a command on the platform with the files of this folder.
pub async fn run(context: &Context, args: RunArgs) -> Result<Exit, Failure> {
    let mut progress = Progress::new(context.output);
    let execution = submit(context, &args, &progress).await?;
    progress.clear();
    if args.detach {
        context.output.answer(&execution, |execution| format!("{}\n", execution.execution_id))?;
        return Ok(Exit::OK);
    }
    attach::run(context, &execution).await
}

async fn submit(context: &Context, args: &RunArgs, progress: &Progress) -> Result<Execution, Failure> {
    let folder = current_folder()?;
    let project = project::of_folder(args.project.clone(), &folder)?;
    progress.say("taking a snapshot of the folder");
    let (project, taken) =
        tokio::join!(project::find_or_create(&context.client, &project), blocking(move || take(&folder)));
    let (project, (snapshots, commit)) = (project?, taken??);
    let job = Job { context, project, snapshots, commit };

    job.push_unless_known(progress).await?;
    progress.say("submitting the job");
    let request = job.request(args);
    // One wish, one key: a second try after UNKNOWN_COMMIT is the same wish.
    let key = IdempotencyKey::generate();
    let answer = match context.client.submit_job(key, request.clone()).await {
        Err(error) if error.has_reason("UNKNOWN_COMMIT") => {
            // The server has lost what it had: restored, or made anew.
            job.push(progress).await?;
            context.client.submit_job(key, request).await
        }
        answer => answer,
    };
    Ok(answer?.execution.ok_or(Incomplete("execution"))?)
}

fn take(folder: &Path) -> Result<(Snapshots, Option<CommitId>), snapshot::Error> {
    let snapshots = Snapshots::of(folder)?;
    let commit = snapshots.take()?;
    Ok((snapshots, commit))
}

/// What is about to be submitted.
struct Job<'a> {
    context: &'a Context,
    project: ProjectId,
    snapshots: Snapshots,
    commit: Option<CommitId>,
}

impl Job<'_> {
    async fn push_unless_known(&self, progress: &Progress) -> Result<(), Failure> {
        let endpoint = self.context.client.endpoint();
        match &self.commit {
            Some(commit) if !self.snapshots.is_pushed(commit, endpoint, self.project) => self.push(progress).await,
            _ => Ok(()),
        }
    }

    async fn push(&self, progress: &Progress) -> Result<(), Failure> {
        let Some(commit) = self.commit.clone() else { return Ok(()) };
        progress.say("sending the files");
        let (snapshots, project) = (self.snapshots.clone(), self.project);
        let endpoint = self.context.client.endpoint().clone();
        Ok(blocking(move || snapshots.push(&commit, &endpoint, project)).await?.map_err(NotSent)?)
    }

    fn request(&self, args: &RunArgs) -> SubmitJobRequest {
        SubmitJobRequest {
            project_id: self.project.to_string(),
            command: args.command.clone(),
            title: args.title.clone().unwrap_or_default(),
            commit: self.commit.as_ref().map(ToString::to_string).unwrap_or_default(),
            tier: args.tier.as_ref().map(ToString::to_string).unwrap_or_default(),
            timeout: args.timeout.map(text::wire_duration),
            grace: None,
            params: args.params.iter().cloned().collect(),
            tags: args.tags.iter().map(ToString::to_string).collect(),
            priority: wire::Priority::from(args.priority).into(),
        }
    }
}

/// The files did not reach the project.
#[derive(Debug, thiserror::Error)]
#[error("cannot send the files to the project")]
struct NotSent(#[source] git::Error);

impl Explain for NotSent {
    fn next_step(&self) -> String {
        match &self.0 {
            git::Error::Failed { .. } => "look at `katonic status`, then repeat the command".to_owned(),
            other => other.next_step(),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BrokenOff> {
    tokio::task::spawn_blocking(work).await.map_err(BrokenOff)
}
