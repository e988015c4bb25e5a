//! `katonic run`: this folder, this command, there; its log and its code, here.
//!
//! ```text
//!  folder ──snapshot──┐
//!                     ├──> push, unless the project has it ──> SubmitJob ──> attach
//!  project ──id───────┘         ^                                 │
//!                               └──────── UNKNOWN_COMMIT ─────────┘  once
//! ```
//!
//! Before any of it, parameters are held against what the folder declares.

use std::{
    collections::BTreeMap,
    env, io,
    path::{Path, PathBuf},
};

use clap::Args;
use katonic_domain::{CommitId, ProjectId};
use katonic_proto::dispatcher::v1::{Execution, SubmitJobRequest};

use super::{
    Context, Incomplete, attach, batch,
    launch::{AfterArgs, LaunchArgs},
};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::{Explain, Failure},
    git, parameters,
    progress::Progress,
    project::{self, ProjectRef},
    snapshot::{self, Snapshots},
};

/// The parameter by which a job of many knows its place.
const INDEX: &str = "index";

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic run -- python3 train.py --epochs 3
  katonic run --tier small --timeout 2h -- ./evaluate.sh
  katonic run --retries 3 --retry-on user --retry-on infrastructure -- ./download.sh
  katonic run --param epochs=3 --env OMP_NUM_THREADS=4 -- python3 train.py
  katonic run --after 12,13 -- python3 evaluate.py
  katonic run --detach --title nightly -- make all")]
pub struct RunArgs {
    /// The project, by name or id; else `.katonic.toml` says it, else the folder's name.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectRef>,
    #[command(flatten)]
    launch: LaunchArgs,
    #[command(flatten)]
    after: AfterArgs,
    /// Submit it so many times and leave; each is given its place, from 0, as the parameter `index`.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    array: Option<u32>,
    /// Print the job's id and leave, instead of watching it.
    #[arg(long)]
    detach: bool,
    /// The program and its arguments; never passed through a shell.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
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
    let given_later = args.array.map(|_| INDEX);
    let params = parameters::complete(&current_folder()?, args.launch.params(), given_later)?;
    let job = prepare(context, args.project.clone(), &progress).await?;
    let request = job.request(&args, params).await?;
    if let Some(count) = args.array {
        progress.clear();
        return batch::submit_all(context, job.project, array(&request, count)).await;
    }
    let execution = job.submit(request, &progress).await?;
    progress.clear();
    if args.detach {
        context.output.answer(&execution, |execution| format!("{}\n", execution.execution_id))?;
        return Ok(Exit::OK);
    }
    attach::run(context, &execution).await
}

/// Takes the files of this folder to the project.
pub(super) async fn prepare<'a>(
    context: &'a Context,
    project: Option<ProjectRef>,
    progress: &Progress,
) -> Result<Job<'a>, Failure> {
    let folder = current_folder()?;
    let project = project::of_folder(project, &folder)?;
    progress.say("taking a snapshot of the folder");
    let (project, taken) =
        tokio::join!(project::find_or_create(&context.client, &project), blocking(move || take(&folder)));
    let (project, (snapshots, commit)) = (project?, taken??);
    let job = Job { context, project, snapshots, commit };

    job.push_unless_known(progress).await?;
    Ok(job)
}

fn take(folder: &Path) -> Result<(Snapshots, Option<CommitId>), snapshot::Error> {
    let snapshots = Snapshots::of(folder)?;
    let commit = snapshots.take()?;
    Ok((snapshots, commit))
}

/// What is about to be submitted.
pub(super) struct Job<'a> {
    context: &'a Context,
    /// Where to.
    pub(super) project: ProjectId,
    snapshots: Snapshots,
    /// The files of the folder; none where it is empty.
    pub(super) commit: Option<CommitId>,
}

impl Job<'_> {
    async fn submit(&self, request: SubmitJobRequest, progress: &Progress) -> Result<Execution, Failure> {
        progress.say("submitting the job");
        let client = &self.context.client;
        // One wish, one key: a second try after UNKNOWN_COMMIT is the same wish.
        let key = IdempotencyKey::generate();
        let answer = match client.submit_job(key, request.clone()).await {
            Err(error) if error.has_reason("UNKNOWN_COMMIT") => {
                // The server has lost what it had: restored, or made anew.
                self.push(progress).await?;
                client.submit_job(key, request).await
            }
            answer => answer,
        };
        Ok(answer?.execution.ok_or(Incomplete("execution"))?)
    }

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

    async fn request(&self, args: &RunArgs, params: BTreeMap<String, String>) -> Result<SubmitJobRequest, Failure> {
        let after = args.after.of(&self.context.client, self.project).await?;
        let job = args.launch.job(args.command.clone(), self.commit.as_ref(), params);
        Ok(SubmitJobRequest { project_id: self.project.to_string(), after, ..job })
    }
}

fn array(request: &SubmitJobRequest, count: u32) -> Vec<SubmitJobRequest> {
    let numbered = |index: u32| {
        let mut request = request.clone();
        request.params.insert(INDEX.to_owned(), index.to_string());
        request
    };
    (0..count).map(numbered).collect()
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
