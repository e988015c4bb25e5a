//! One member, from claim to the removal of its last file.
//!
//! Every step looks at the member directory first and may be repeated: a crash
//! anywhere starts again at the top and finds what is done.

mod finish;

use std::{io, sync::Arc, time::Duration};

use katonic_domain::ProjectId;
use katonic_member::{Exit, ExitReason, Launch, Launched, Liveness, MemberDir, Stop, StopReason, UnixNanos};
use katonic_proto::dispatcher::v1::{Checkpoint, CheckpointKind, ReportCheckpointsRequest};
use katonic_service::{rpc::Failure, runtime::chain};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::{
    app::Node,
    backoff::Backoff,
    free,
    git::{self, CacheError},
    inputs, lost,
    session::{self, Session},
    ship::{End, Shipper, convert::timestamp},
    tree,
    usage::Metering,
    watch::Watch,
};

/// How often files and shim are looked at though nothing was heard.
const LOOK: Duration = Duration::from_secs(1);
/// How long fetching is tried again before the attempt ends: longer than a
/// restart of the services takes.
const FETCH_PATIENCE: Duration = Duration::from_mins(2);

/// Why a member's life ended before its time.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The platform gave it up.
    #[error("the member is not ours any more")]
    Over(#[source] Failure),
    /// Its session could not be held.
    #[error(transparent)]
    Session(session::Error),
    /// Its directory cannot be used.
    #[error("the member's directory cannot be used")]
    Directory(#[from] katonic_member::Error),
    /// A file cannot be read or written.
    #[error("a file of the member cannot be used")]
    Io(#[from] io::Error),
    /// Its launch file is not there or names no project.
    #[error("the member's launch file cannot be used")]
    Launch,
    /// Work on another thread was cut off.
    #[error("the work was cut off")]
    Cut,
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Over(failure) => Self::Over(failure),
            other => Self::Session(other),
        }
    }
}

/// Why the files cannot be prepared.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Tree(#[from] tree::Error),
    #[error("the files cannot be written")]
    Cut,
}

/// Serves a member until nothing of it is left. What fails is tried again.
pub async fn serve(node: &Node, member: &MemberDir) {
    let mut backoff = Backoff::new();
    while member.exists() {
        match attend(node, member).await {
            Ok(()) => return,
            Err(error) => error!(error = %chain(&error), "a member waits"),
        }
        backoff.wait().await;
    }
}

async fn attend(node: &Node, member: &MemberDir) -> Result<(), Error> {
    let launch = Arc::new(member.launch()?.ok_or(Error::Launch)?);
    let project = launch.project_id.parse().map_err(|_| Error::Launch)?;
    let watches = Watches::of(node, member)?;
    let session = match Session::claim(&node.gateway, member, launch.member_id.clone()).await {
        Ok(session) => session,
        Err(session::Error::Over(failure)) => return give_up(member, &launch, &watches, &failure).await,
        Err(other) => return Err(other.into()),
    };
    let life = Life { node, member, launch: &launch, project, session: &session, watches: &watches };
    let lived = tokio::select! {
        lived = life.run() => lived,
        over = session.keep() => Err(over.into()),
        () = session.hear_orders() => Err(Error::Cut),
    };
    match lived {
        Err(Error::Over(failure)) => give_up(member, &launch, &watches, &failure).await,
        other => other,
    }
}

/// Nobody waits for this member any more: it ends, and nothing of it is reported.
async fn give_up(member: &MemberDir, launch: &Arc<Launch>, watches: &Watches, failure: &Failure) -> Result<(), Error> {
    info!(reason = failure.reason, "given up");
    member.order_stop(&Stop { reason: StopReason::Abandoned, message: String::new() })?;
    while member.exists() && member.exit()?.is_none() && !never_started(member)? {
        let (lost_member, lost_launch) = (member.clone(), Arc::clone(launch));
        blocking(move || lost::recover(&lost_member, &lost_launch)).await??;
        watches.file().await;
    }
    remove(member, launch).await
}

/// Whether there is no shim and never was user code.
fn never_started(member: &MemberDir) -> Result<bool, Error> {
    if member.is_contained() {
        // Its container is the backend's to remove; without this it never runs user code.
        return Ok(!member.may_go());
    }
    Ok(!member.is_started() && !matches!(member.liveness()?, Liveness::Running(_)))
}

async fn remove(member: &MemberDir, launch: &Arc<Launch>) -> Result<(), Error> {
    let (member, launch) = (member.clone(), Arc::clone(launch));
    Ok(blocking(move || free::all(&member, &launch)).await??)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Cut)
}

struct Watches {
    files: Watch,
    /// What a shim in a container writes; elsewhere it is among the files.
    answers: Option<Watch>,
    spool: Watch,
}

impl Watches {
    fn of(node: &Node, member: &MemberDir) -> io::Result<Self> {
        let contained = member.is_contained();
        let spool = match node.watcher.watch_spool(&member.spool()) {
            // User code has done away with it: what never changes there is looked at by the clock.
            Err(_) if contained => node.watcher.watch_spool(&member.orders())?,
            watched => watched?,
        };
        let answers = contained.then(|| node.watcher.watch_folder(&member.answers())).transpose()?;
        Ok(Self { files: node.watcher.watch_folder(member.path())?, answers, spool })
    }

    /// Waits for a change of the member's files, but not for long.
    async fn file(&self) {
        let answers = async {
            match &self.answers {
                Some(answers) => answers.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.files.changed() => {}
            () = answers => {}
            // Each way one looks again.
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// A member that is claimed.
struct Life<'a> {
    node: &'a Node,
    member: &'a MemberDir,
    launch: &'a Arc<Launch>,
    project: ProjectId,
    session: &'a Session,
    watches: &'a Watches,
}

impl Life<'_> {
    async fn run(&self) -> Result<(), Error> {
        let (end, ends) = watch::channel(None);
        let shipper = Shipper::new(self.session, self.member, &self.watches.spool, ends);
        let steps = async {
            let mut metering = Metering::resume(self.session, self.member, self.launch);
            let prepared = self.start().await?;
            let exit = tokio::select! {
                exit = self.end_of(prepared) => exit?,
                () = metering.run(&self.node.sampler) => return Err(Error::Cut),
            };
            end.send_replace(Some(End { last: exit.last_seq }));
            let kept = self.save(&exit).await?.with(metering.finish(&exit));
            Ok::<_, Error>((exit, kept))
        };
        let stops = async {
            self.session.stop_wanted().await;
            self.member.order_stop(&Stop { reason: StopReason::User, message: String::new() })?;
            std::future::pending::<Result<_, Error>>().await
        };
        let steps = async {
            tokio::select! {
                done = steps => done,
                failed = stops => failed,
            }
        };
        let shipped = async { Ok::<_, Error>(shipper.run().await) };
        // Either fails alone: the other must not wait for it.
        let ((exit, kept), log_is_ours) = tokio::try_join!(steps, shipped)?;
        if exit.reason == ExitReason::Abandoned {
            return remove(self.member, self.launch).await;
        }
        self.finish(&exit, kept, log_is_ours).await?;
        remove(self.member, self.launch).await
    }

    /// Prepares the files and lets the shim go, unless that is done, or too
    /// late. Answers when the files were ready.
    async fn start(&self) -> Result<Option<UnixNanos>, Error> {
        if self.member.may_go() || self.member.is_started() || self.member.stop()?.is_some() {
            return Ok(None);
        }
        tokio::select! {
            prepared = self.prepare() => match prepared {
                Ok(()) => {
                    self.member.go()?;
                    Ok(Some(UnixNanos::now()))
                }
                Err(error) => {
                    warn!(error = %chain(&error), "no input files");
                    let message = format!("the input files could not be prepared: {}", chain(&error));
                    self.member.order_stop(&Stop { reason: StopReason::InputUnavailable, message })?;
                    Ok(None)
                }
            },
            // The order itself is written beside this.
            () = self.session.stop_wanted() => Ok(None),
        }
    }

    async fn prepare(&self) -> Result<(), PrepareError> {
        let repository = match self.session.input_commit() {
            Some(commit) => Some((self.fetch(commit).await?, commit.clone())),
            None => None,
        };
        let (member, launch) = (self.member.clone(), Arc::clone(self.launch));
        let prepared = blocking(move || {
            let files = repository.as_ref().map(|(repository, commit)| (repository, commit));
            inputs::prepare(&member, &launch, files)
        });
        Ok(prepared.await.map_err(|_| PrepareError::Cut)??)
    }

    async fn fetch(&self, commit: &katonic_domain::CommitId) -> Result<git::Repository, CacheError> {
        let remote = git::remote(&self.node.gateway, &self.launch.project_id);
        let mut backoff = Backoff::new();
        let limit = tokio::time::Instant::now() + FETCH_PATIENCE;
        loop {
            let token = self.session.token();
            match self.node.cache.commit(&self.project, commit, &remote, &token).await {
                Err(error) if tokio::time::Instant::now() < limit => {
                    warn!(error = %chain(&error), "fetching again");
                    backoff.wait().await;
                }
                done => return done,
            }
        }
    }

    /// Waits for the exit record; says meanwhile that the command runs.
    async fn end_of(&self, prepared: Option<UnixNanos>) -> Result<Exit, Error> {
        let mut told = false;
        loop {
            if !told && let Some(launched) = self.launched()? {
                self.tell_launched(launched, prepared).await?;
                told = true;
            }
            if let Some(exit) = self.member.exit()? {
                // It may have come after the look for its launch.
                if told || self.launched()?.is_none() {
                    return Ok(exit);
                }
                continue;
            }
            let (member, launch) = (self.member.clone(), Arc::clone(self.launch));
            blocking(move || lost::recover(&member, &launch)).await??;
            self.watches.file().await;
        }
    }

    /// Whether the command runs. In a container this is its shim's word, which
    /// user code can spoil: then it is as good as none.
    fn launched(&self) -> Result<Option<Launched>, Error> {
        match self.member.launched() {
            Err(_) if self.member.is_contained() => Ok(None),
            launched => Ok(launched?),
        }
    }

    async fn tell_launched(&self, launched: Launched, prepared: Option<UnixNanos>) -> Result<(), Error> {
        let prepared = prepared.map(|time| checkpoint(CheckpointKind::FilesPrepared, time));
        let launched = checkpoint(CheckpointKind::UserCodeLaunched, launched.time);
        let checkpoints = prepared.into_iter().chain([launched]).collect();
        let message = ReportCheckpointsRequest { member_id: self.session.member_id().to_owned(), checkpoints };
        let reported = self
            .session
            .call(message, async |session, request| session.members().report_checkpoints(request).await)
            .await
            .map_err(Error::Over)?;
        self.session.learn(reported.into_inner().desired_state());
        Ok(())
    }
}

fn checkpoint(kind: CheckpointKind, time: UnixNanos) -> Checkpoint {
    Checkpoint { kind: kind.into(), time: Some(timestamp(time)) }
}
