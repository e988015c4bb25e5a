//! One piece of work on compute. Every change of its phase goes through
//! [`transition`]; every method either changes it as a whole or leaves it alone.

use std::{collections::BTreeMap, time::Duration};

use katonic_domain::{CommitId, ExecutionId, ProjectId, ScheduleId, Tags, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{
    attempt::{Attempt, Outcome},
    checkpoints::{Checkpoint, Kind as Step},
    consumption::{Consumption, Measured},
    dependency::Dependency,
    edit::Edit,
    metered::Metered,
    phase::{Event, IllegalTransition, Phase, transition},
    reason::Reason,
    series::Series,
    spec::LaunchSpec,
};

/// Dense in a project: 1, 2, 3 …, gaps allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(pub u64);

/// What its users want of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredState {
    /// That it runs.
    Run,
    /// That it stops and its results are saved.
    StopAndKeep,
    /// That it stops and no results are saved.
    StopAndDiscard,
}

/// What was lost on the way to the end, though the outcome holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// The results could not be saved.
    ResultsNotSaved,
    /// The log has a declared gap at its end.
    LogIncomplete,
    /// The metrics could not be taken: [`Execution::metrics_refusal`] says why.
    MetricsRefused,
}

/// Why a command to an execution is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The phase does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// How it ends is decided already.
    #[error("how the execution ends is decided already")]
    OutcomeFixed,
    /// It has no attempt, or a later one.
    #[error("the attempt is not the current one")]
    NotCurrent,
}

/// What was kept of an attempt that is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Closing {
    /// Commit of the results; none where nothing changed or nothing was saved.
    pub results_commit: Option<CommitId>,
    /// What user code wrote as metrics.
    pub metrics: Option<serde_json::Value>,
    /// And logged of them by step.
    pub series: Vec<Series>,
    /// Why neither is kept, where they were refused.
    pub metrics_refusal: String,
    /// Last sequence of the closed log.
    pub log_last_seq: u64,
    /// What was lost.
    pub conditions: Vec<Condition>,
    /// Steps that its member reported.
    pub checkpoints: Vec<Checkpoint>,
    /// What its members used, as far as that was measured.
    pub metered: Vec<Metered>,
}

/// What identifies a new execution.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The execution.
    pub id: ExecutionId,
    /// Its project.
    pub project: ProjectId,
    /// Which of the project's.
    pub number: Number,
    /// Who launched it.
    pub owner: UserId,
    /// For people.
    pub title: String,
    /// For people.
    pub tags: Tags,
    /// What it repeats.
    pub rerun_of: Option<ExecutionId>,
    /// What launched it, where that was no person.
    pub schedule: Option<ScheduleId>,
    /// What it waits for.
    pub after: Vec<Dependency>,
}

/// One piece of work on compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The execution.
    pub id: ExecutionId,
    /// Its project.
    pub project: ProjectId,
    /// Which of the project's.
    pub number: Number,
    /// Who launched it.
    pub owner: UserId,
    /// For people.
    pub title: String,
    /// For people.
    #[serde(default)]
    pub tags: Tags,
    /// What people write about it.
    #[serde(default)]
    pub notes: String,
    /// Whether lists leave it out.
    #[serde(default)]
    pub archived: bool,
    /// What it repeats.
    #[serde(default)]
    pub rerun_of: Option<ExecutionId>,
    /// What launched it, where that was no person.
    #[serde(default)]
    pub schedule: Option<ScheduleId>,
    /// What it waits for before its first attempt queues for a place.
    #[serde(default)]
    pub after: Vec<Dependency>,
    /// The one of these that did not end as it was to, where it ended for that.
    #[serde(default)]
    pub failed_dependency: Option<ExecutionId>,
    /// What was pinned at submit.
    pub spec: LaunchSpec,
    /// W3C trace context of the submit, which its launch goes on with.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// What its users want.
    pub desired: DesiredState,
    /// Rises with every change that its users make: of what they say about it and what they want of it.
    pub generation: u64,
    /// Where it is.
    pub phase: Phase,
    /// Why it ends; set from FINISHING on. While it waits to be tried again: why the last attempt ended.
    pub reason: Option<Reason>,
    /// What was lost on the way to the end.
    pub conditions: Vec<Condition>,
    /// The newest tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// Not before this it is tried again; set while it waits for that.
    #[serde(default)]
    pub retry_at: Option<Timestamp>,
    /// Commit of the results.
    pub results_commit: Option<CommitId>,
    /// What user code wrote as metrics: a JSON object.
    pub metrics: Option<serde_json::Value>,
    /// Why they are not kept, where they were refused.
    #[serde(default)]
    pub metrics_refusal: String,
    /// What the attempts that are over used; none where user code never started.
    #[serde(default)]
    pub used: Option<Consumption>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When user code first started.
    pub started_at: Option<Timestamp>,
    /// When it reached its last phase.
    pub ended_at: Option<Timestamp>,
}

impl Execution {
    /// A job that was just accepted.
    pub fn queued(identity: Identity, spec: LaunchSpec, now: Timestamp) -> Self {
        let Identity { id, project, number, owner, title, tags, rerun_of, schedule, after } = identity;
        Self {
            id,
            project,
            number,
            owner,
            title,
            tags,
            notes: String::new(),
            archived: false,
            rerun_of,
            schedule,
            after,
            failed_dependency: None,
            spec,
            traceparent: None,
            desired: DesiredState::Run,
            generation: 1,
            phase: Phase::Queued,
            reason: None,
            conditions: Vec::new(),
            attempts: Vec::new(),
            retry_at: None,
            results_commit: None,
            metrics: None,
            metrics_refusal: String::new(),
            used: None,
            created_at: now,
            started_at: None,
            ended_at: None,
        }
    }

    /// Gives it its place: the next attempt begins.
    pub fn admit(&mut self, now: Timestamp) -> Result<u32, Error> {
        self.phase = transition(self.phase, Event::Admitted)?;
        let number = self.attempts.last().map_or(1, |attempt| attempt.number + 1);
        let steps = [Step::Acknowledged, Step::QuotaChecked].map(|kind| Checkpoint { kind, at: now });
        self.attempts.push(Attempt::admitted(number, now, steps.to_vec()));
        (self.reason, self.retry_at) = (None, None);
        Ok(number)
    }

    /// User code of an attempt started. Answers whether that was news.
    pub fn launch(&mut self, attempt: u32, at: Timestamp, reported: &[Checkpoint]) -> Result<bool, Error> {
        if self.phase != Phase::Starting {
            return Ok(false);
        }
        self.phase = transition(self.phase, Event::Launched)?;
        self.note_start(attempt, at)?;
        self.current(attempt)?.merge_checkpoints(reported);
        Ok(true)
    }

    /// Records what its users want. Answers whether that was news.
    pub fn request_stop(&mut self, wish: DesiredState, now: Timestamp) -> Result<bool, Error> {
        if self.desired == wish {
            return Ok(false);
        }
        // While another attempt would follow, there is something to stop.
        if self.next_attempt().is_none() {
            self.phase = transition(self.phase, Event::StopRequested).map_err(|_| Error::OutcomeFixed)?;
        }
        self.desired = wish;
        self.generation += 1;
        if self.phase.is_last() {
            self.reason = Some(Reason::StoppedByUser);
            (self.ended_at, self.retry_at) = (Some(now), None);
        }
        Ok(true)
    }

    /// Changes what people say about it. Answers whether that was news.
    pub fn edit(&mut self, edit: &Edit) -> bool {
        let title = edit.title_of(&self.spec.command).unwrap_or_else(|| self.title.clone());
        let tags = edit.tags.clone().unwrap_or_else(|| self.tags.clone());
        let notes = edit.notes.clone().unwrap_or_else(|| self.notes.clone());
        let archived = edit.archived.unwrap_or(self.archived);
        let same = (&title, &tags, &notes, archived) == (&self.title, &self.tags, &self.notes, self.archived);
        if !same {
            (self.title, self.tags, self.notes, self.archived) = (title, tags, notes, archived);
            self.generation += 1;
        }
        !same
    }

    /// It will never be admitted.
    pub fn refuse(&mut self, reason: Reason, now: Timestamp) -> Result<(), Error> {
        self.phase = transition(self.phase, Event::Refused(reason))?;
        self.reason = Some(reason);
        (self.ended_at, self.retry_at) = (Some(now), None);
        Ok(())
    }

    /// What it waits for never comes about: this one did not end as it was to. Answers whether that was news.
    pub fn give_up(&mut self, failed: ExecutionId, now: Timestamp) -> Result<bool, Error> {
        // It may have been stopped meanwhile.
        if self.phase != Phase::Queued {
            return Ok(false);
        }
        self.refuse(Reason::DependencyFailed, now)?;
        self.failed_dependency = Some(failed);
        Ok(true)
    }

    /// Fixes how an attempt ended; the first to do so decides. Answers whether that was news.
    pub fn fix_outcome(&mut self, attempt: u32, outcome: Outcome, reported: &[Checkpoint]) -> Result<bool, Error> {
        if self.is_over(attempt) || self.current(attempt)?.outcome.is_some() {
            return Ok(false);
        }
        self.phase = transition(self.phase, Event::OutcomeFixed(outcome.reason))?;
        if let Some(at) = outcome.started_at {
            self.note_start(attempt, at)?;
        }
        let current = self.current(attempt)?;
        current.outcome = Some(outcome);
        current.merge_checkpoints(reported);
        self.reason = Some(outcome.reason);
        Ok(true)
    }

    /// Everything that was to be kept of an attempt is kept: it ends, or is tried again. Answers whether
    /// that was news.
    pub fn close(&mut self, attempt: u32, closing: Closing, now: Timestamp) -> Result<bool, Error> {
        if self.is_over(attempt) {
            return Ok(false);
        }
        let outcome = self
            .current(attempt)?
            .outcome
            .ok_or(Error::Illegal(IllegalTransition { phase: self.phase, event: Event::Closed(Reason::Completed) }))?;
        let again = self.next_attempt();
        let used = self.used_by(now, &closing.metered);
        let event = if again.is_some() { Event::TriedAgain } else { Event::Closed(outcome.reason) };
        self.phase = transition(self.phase, event)?;
        self.used = used;
        let current = self.current(attempt)?;
        current.log_last_seq = closing.log_last_seq;
        current.merge_checkpoints(&closing.checkpoints);
        if let Some(backoff) = again {
            self.retry_at = now.checked_add(backoff).ok();
            return Ok(true);
        }
        self.results_commit = closing.results_commit;
        self.metrics = closing.metrics;
        self.metrics_refusal = closing.metrics_refusal;
        self.conditions.extend(closing.conditions);
        self.conditions.sort_unstable();
        self.conditions.dedup();
        self.ended_at = Some(now);
        Ok(true)
    }

    /// What it had used by now, with what was measured of its current attempt; none where user code never started.
    pub fn used_by(&self, now: Timestamp, metered: &[Metered]) -> Option<Consumption> {
        let current = self.attempts.last().filter(|current| !self.is_over(current.number));
        let Some(ran_ms) = current.and_then(|current| current.ran_ms(now)) else { return self.used };
        let mut used = self.used.unwrap_or_default();
        let run_ms = ran_ms.saturating_mul(self.spec.member_count().into());
        used.add(&Consumption { run_ms, measured: Measured::of_members(metered) });
        Some(used)
    }

    /// How long after the current attempt, whose outcome is fixed, the next one may begin; none where
    /// none follows.
    fn next_attempt(&self) -> Option<Duration> {
        let last = self.attempts.last().filter(|_| self.phase == Phase::Finishing)?;
        let wanted = self.desired == DesiredState::Run;
        last.outcome.filter(|_| wanted).and_then(|outcome| self.spec.retry.after(last.number, outcome.reason))
    }

    /// Whether all that was to be kept of an attempt is kept.
    fn is_over(&self, attempt: u32) -> bool {
        let waits = self.phase == Phase::Queued || self.phase.is_last();
        self.attempts.last().is_some_and(|last| last.number > attempt || (last.number == attempt && waits))
    }

    /// The attempt that is going on or was the last.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Members of the current attempt by state: `waiting`, `running`, `ended`.
    pub fn member_states(&self) -> BTreeMap<&'static str, u32> {
        let state = match self.phase {
            Phase::Queued => return BTreeMap::new(),
            Phase::Starting => "waiting",
            Phase::Running => "running",
            Phase::Finishing | Phase::Succeeded | Phase::Failed | Phase::Stopped => "ended",
        };
        let count = if self.attempts.is_empty() { 0 } else { self.spec.member_count() };
        BTreeMap::from([(state, count)])
    }

    fn current(&mut self, attempt: u32) -> Result<&mut Attempt, Error> {
        self.attempts.last_mut().filter(|current| current.number == attempt).ok_or(Error::NotCurrent)
    }

    fn note_start(&mut self, attempt: u32, at: Timestamp) -> Result<(), Error> {
        self.current(attempt)?.started_at.get_or_insert(at);
        self.started_at.get_or_insert(at);
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
