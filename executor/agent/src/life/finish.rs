//! The end of a member: outcome, results, metrics, report (M6).

use std::{sync::Arc, time::Duration};

use katonic_domain::CommitId;
use katonic_member::{Exit, ExitReason, UnixNanos};
use katonic_proto::dispatcher::v1::{
    Checkpoint, CheckpointKind, Condition, DesiredState, Reason, ReportExitRequest, ReportFinishedRequest, UsageSeries,
};
use katonic_service::runtime::chain;
use tracing::{error, info, warn};

use super::{Error, Life, blocking, checkpoint};
use crate::{
    backoff::Backoff,
    git,
    metrics_file::{self, Metrics},
    results::{self, Saved},
    ship::convert::timestamp,
};

/// How long a push is tried again: within the 10 min that finishing may take.
const PUSH_PATIENCE: Duration = Duration::from_mins(3);

/// What was kept of what user code made.
#[derive(Debug, Default)]
pub struct Kept {
    commit: Option<CommitId>,
    metrics: Option<Metrics>,
    metrics_refusal: String,
    conditions: Vec<Condition>,
    checkpoints: Vec<Checkpoint>,
    usage: Option<UsageSeries>,
}

impl Kept {
    /// With what was measured.
    pub(super) fn with(self, usage: Option<UsageSeries>) -> Self {
        Self { usage, ..self }
    }
}

impl Life<'_> {
    /// Fixes the outcome, then keeps what is to be kept.
    pub(super) async fn save(&self, exit: &Exit) -> Result<Kept, Error> {
        if exit.reason == ExitReason::Abandoned {
            return Ok(Kept::default());
        }
        let desired = self.report_exit(exit).await?;
        let mut kept = Kept::default();
        if exit.started.is_none() {
            return Ok(kept);
        }
        let folder = self.launch.folder.clone();
        match blocking(move || metrics_file::read(&folder)).await? {
            Ok(metrics) => kept.metrics = metrics,
            Err(refused) => {
                kept.conditions.push(Condition::MetricsRefused);
                kept.metrics_refusal = refused.to_string();
            }
        }
        if desired == DesiredState::StopAndDiscard {
            return Ok(kept);
        }
        match self.save_results(exit).await {
            Ok(commit) => {
                kept.commit = commit;
                kept.checkpoints.push(checkpoint(CheckpointKind::ResultsSaved, UnixNanos::now()));
            }
            Err(error) => {
                error!(error = %chain(&error), "results are not saved");
                kept.conditions.push(Condition::ResultsNotSaved);
            }
        }
        Ok(kept)
    }

    async fn report_exit(&self, exit: &Exit) -> Result<DesiredState, Error> {
        let message = ReportExitRequest {
            member_id: self.session.member_id().to_owned(),
            exit_code: exit.exit_code,
            signal: exit.signal.unwrap_or(0),
            reason: reason(exit.reason).into(),
            start_time: exit.started.map(timestamp),
            end_time: Some(timestamp(exit.ended)),
        };
        let reported = self
            .session
            .call(message, async |session, request| session.members().report_exit(request).await)
            .await
            .map_err(Error::Over)?;
        info!(reason = ?exit.reason, exit_code = exit.exit_code, "ended");
        Ok(reported.into_inner().desired_state())
    }

    async fn save_results(&self, exit: &Exit) -> Result<Option<CommitId>, results::Error> {
        let input = match self.session.input_commit() {
            Some(commit) => Some((self.node.cache.repository(&self.project)?, commit.clone())),
            None => None,
        };
        let (member, launch, exit) = (self.member.clone(), Arc::clone(self.launch), exit.clone());
        let saved = blocking(move || {
            let input = input.as_ref().map(|(repository, commit)| (repository, commit));
            results::commit(&member, &launch, &exit, input)
        });
        match saved.await.map_err(std::io::Error::other)?? {
            Some(saved) => self.push(&saved).await.map(|()| Some(saved.commit)),
            None => Ok(None),
        }
    }

    async fn push(&self, saved: &Saved) -> Result<(), results::Error> {
        let remote = git::remote(&self.node.gateway, &self.launch.project_id);
        let to = format!("refs/katonic/results/{}/{}", self.launch.execution_id, self.launch.attempt);
        let mut backoff = Backoff::new();
        let limit = tokio::time::Instant::now() + PUSH_PATIENCE;
        loop {
            let token = self.session.token();
            match saved.repository.push(&remote, &token, saved.commit.as_str(), &to).await {
                Err(error) if tokio::time::Instant::now() < limit => {
                    warn!(error = %chain(&error), "pushing again");
                    backoff.wait().await;
                }
                done => return done.map_err(results::Error::Push),
            }
        }
    }

    /// Everything is kept: the attempt may end.
    pub(super) async fn finish(&self, exit: &Exit, kept: Kept, log_is_ours: bool) -> Result<(), Error> {
        let mut conditions = kept.conditions;
        if !log_is_ours || matches!(exit.reason, ExitReason::ShimLost | ExitReason::ContainerRemoved) {
            conditions.push(Condition::LogIncomplete);
        }
        let metrics = kept.metrics.map(|metrics| (Some(metrics.last), metrics.series));
        let (metrics, series) = metrics.unwrap_or_default();
        let message = ReportFinishedRequest {
            member_id: self.session.member_id().to_owned(),
            results_commit: kept.commit.map(|commit| commit.to_string()).unwrap_or_default(),
            metrics,
            log_last_seq: exit.last_seq.map_or(0, katonic_member::spool::Seq::get),
            conditions: conditions.into_iter().map(Into::into).collect(),
            checkpoints: kept.checkpoints,
            series,
            metrics_refusal: kept.metrics_refusal,
            usage: kept.usage,
        };
        self.session
            .call(message, async |session, request| session.members().report_finished(request).await)
            .await
            .map_err(Error::Over)?;
        info!("finished");
        Ok(())
    }
}

const fn reason(reason: ExitReason) -> Reason {
    match reason {
        ExitReason::Completed => Reason::Completed,
        ExitReason::ExitCode => Reason::ExitCode,
        ExitReason::KilledBySignal => Reason::KilledBySignal,
        ExitReason::TimedOut => Reason::TimedOut,
        ExitReason::Stopped => Reason::StoppedByUser,
        ExitReason::CommandNotFound => Reason::CommandNotFound,
        ExitReason::CommandNotExecutable => Reason::CommandNotExecutable,
        ExitReason::InputUnavailable => Reason::InputUnavailable,
        ExitReason::ShimLost => Reason::ShimLost,
        ExitReason::OutOfMemory => Reason::OutOfMemory,
        ExitReason::Interrupted => Reason::Interrupted,
        ExitReason::ContainerRemoved => Reason::ContainerRemoved,
        // Never reported: nobody waits for it.
        ExitReason::Abandoned => Reason::Unspecified,
    }
}
