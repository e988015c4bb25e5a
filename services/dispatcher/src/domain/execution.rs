//! One piece of work on compute. Every change of its phase goes through
//! [`transition`]; every method either changes it as a whole or leaves it alone.

use std::collections::BTreeMap;

use katonic_domain::{CommitId, ExecutionId, ProjectId, Tags, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{
    attempt::{Attempt, Outcome},
    checkpoints::{Checkpoint, Kind as Step},
    edit::Edit,
    phase::{Event, IllegalTransition, Phase, transition},
    reason::Reason,
    spec::LaunchSpec,
};

/// How many attempts an execution shows; older ones are in its history.
const MAX_ATTEMPTS: usize = 20;

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
    /// The metrics were not a JSON object of at most 16 KiB.
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
    /// Last sequence of the closed log.
    pub log_last_seq: u64,
    /// What was lost.
    pub conditions: Vec<Condition>,
    /// Steps that its member reported.
    pub checkpoints: Vec<Checkpoint>,
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
    /// What was pinned at submit.
    pub spec: LaunchSpec,
    /// W3C trace context of the submit, which its launch goes on with.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// What its users want.
    pub desired: DesiredState,
    /// Rises with every change that its users make: of its title, its tags, what they want of it.
    pub generation: u64,
    /// Where it is.
    pub phase: Phase,
    /// Why it ends; set from FINISHING on.
    pub reason: Option<Reason>,
    /// What was lost on the way to the end.
    pub conditions: Vec<Condition>,
    /// The newest tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// Commit of the results.
    pub results_commit: Option<CommitId>,
    /// What user code wrote as metrics: a JSON object.
    pub metrics: Option<serde_json::Value>,
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
        let Identity { id, project, number, owner, title, tags } = identity;
        Self {
            id,
            project,
            number,
            owner,
            title,
            tags,
            spec,
            traceparent: None,
            desired: DesiredState::Run,
            generation: 1,
            phase: Phase::Queued,
            reason: None,
            conditions: Vec::new(),
            attempts: Vec::new(),
            results_commit: None,
            metrics: None,
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
        let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS);
        self.attempts.drain(..surplus);
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
        self.phase = transition(self.phase, Event::StopRequested).map_err(|_| Error::OutcomeFixed)?;
        self.desired = wish;
        self.generation += 1;
        if self.phase.is_last() {
            self.reason = Some(Reason::StoppedByUser);
            self.ended_at = Some(now);
        }
        Ok(true)
    }

    /// Changes what people call it. Answers whether that was news.
    pub fn edit(&mut self, edit: &Edit) -> bool {
        let title = edit.title_of(&self.spec.command).unwrap_or_else(|| self.title.clone());
        let tags = edit.tags.clone().unwrap_or_else(|| self.tags.clone());
        if (&title, &tags) == (&self.title, &self.tags) {
            return false;
        }
        self.title = title;
        self.tags = tags;
        self.generation += 1;
        true
    }

    /// It will never be admitted.
    pub fn refuse(&mut self, reason: Reason, now: Timestamp) -> Result<(), Error> {
        self.phase = transition(self.phase, Event::Refused(reason))?;
        self.reason = Some(reason);
        self.ended_at = Some(now);
        Ok(())
    }

    /// Fixes how an attempt ended; the first to do so decides. Answers whether that was news.
    pub fn fix_outcome(&mut self, attempt: u32, outcome: Outcome, reported: &[Checkpoint]) -> Result<bool, Error> {
        if self.current(attempt)?.outcome.is_some() {
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

    /// Everything that was to be kept of an attempt is kept. Answers whether that was news.
    pub fn close(&mut self, attempt: u32, closing: Closing, now: Timestamp) -> Result<bool, Error> {
        if self.phase.is_last() {
            return Ok(false);
        }
        let reason = self
            .current(attempt)?
            .outcome
            .ok_or(Error::Illegal(IllegalTransition { phase: self.phase, event: Event::Closed(Reason::Completed) }))?;
        self.phase = transition(self.phase, Event::Closed(reason.reason))?;
        let current = self.current(attempt)?;
        current.log_last_seq = closing.log_last_seq;
        current.merge_checkpoints(&closing.checkpoints);
        self.results_commit = closing.results_commit;
        self.metrics = closing.metrics;
        self.conditions.extend(closing.conditions);
        self.conditions.sort_unstable();
        self.conditions.dedup();
        self.ended_at = Some(now);
        Ok(true)
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
pub(crate) mod tests {
    use super::*;
    use crate::domain::spec::tests::spec;

    /// A time, in seconds of the test's epoch.
    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).expect("a time")
    }

    /// A queued execution in tier `small`.
    pub(crate) fn queued(number: u64) -> Execution {
        let identity = Identity {
            id: ExecutionId::generate(),
            project: ProjectId::generate(),
            number: Number(number),
            owner: UserId::generate(),
            title: "true".into(),
            tags: Tags::default(),
        };
        Execution::queued(identity, spec("small", 2), at(i64::try_from(number).expect("small")))
    }

    /// One whose user code runs.
    pub(crate) fn running() -> Execution {
        let mut execution = queued(1);
        execution.admit(at(1)).expect("admitted");
        execution.launch(1, at(2), &[]).expect("launched");
        execution
    }

    fn exited(reason: Reason) -> Outcome {
        Outcome { reason, exit_code: Some(0), signal: 0, started_at: Some(at(2)), ended_at: at(3) }
    }

    #[test]
    fn the_whole_way_sets_times_and_reason() {
        let mut execution = running();
        assert_eq!(execution.member_states(), BTreeMap::from([("running", 1)]));
        assert_eq!(execution.fix_outcome(1, exited(Reason::Completed), &[]), Ok(true));
        assert_eq!(execution.close(1, Closing { log_last_seq: 7, ..Closing::default() }, at(4)), Ok(true));
        assert_eq!(execution.phase, Phase::Succeeded);
        assert_eq!((execution.started_at, execution.ended_at), (Some(at(2)), Some(at(4))));
        assert_eq!(execution.attempt().map(|attempt| attempt.log_last_seq), Some(7));
    }

    #[test]
    fn a_short_job_may_end_before_its_start_was_reported() {
        let mut execution = queued(1);
        execution.admit(at(1)).expect("admitted");
        assert_eq!(execution.fix_outcome(1, exited(Reason::ExitCode), &[]), Ok(true));
        assert_eq!((execution.phase, execution.started_at), (Phase::Finishing, Some(at(2))));
        assert_eq!(execution.launch(1, at(2), &[]), Ok(false), "a late report changes nothing");
    }

    #[test]
    fn the_first_outcome_decides() {
        let mut execution = running();
        execution.fix_outcome(1, exited(Reason::Completed), &[]).expect("fixed");
        let before = execution.clone();
        assert_eq!(execution.fix_outcome(1, exited(Reason::ShimLost), &[]), Ok(false));
        assert_eq!(execution, before);
    }

    #[test]
    fn another_attempts_report_is_refused() {
        let mut execution = running();
        assert_eq!(execution.fix_outcome(2, exited(Reason::Completed), &[]), Err(Error::NotCurrent));
        assert_eq!(execution.close(2, Closing::default(), at(4)), Err(Error::NotCurrent));
    }

    #[test]
    fn closing_needs_an_outcome_and_happens_once() {
        let mut execution = running();
        assert!(matches!(execution.close(1, Closing::default(), at(4)), Err(Error::Illegal(_))));
        execution.fix_outcome(1, exited(Reason::Completed), &[]).expect("fixed");
        let lossy = Closing { conditions: vec![Condition::LogIncomplete; 2], ..Closing::default() };
        assert_eq!(execution.close(1, lossy, at(4)), Ok(true));
        assert_eq!(execution.conditions, [Condition::LogIncomplete]);
        assert_eq!(execution.close(1, Closing::default(), at(5)), Ok(false));
    }

    #[test]
    fn a_change_of_title_and_tags_is_a_new_generation_in_any_phase() {
        let mut execution = running();
        let edit = Edit { title: Some("best".into()), tags: Tags::try_new(&["kept"]).ok() };
        assert!(execution.edit(&edit));
        assert_eq!(
            (execution.title.as_str(), execution.tags.texts(), execution.generation),
            ("best", vec!["kept".to_owned()], 2)
        );
        assert!(!execution.edit(&edit), "repeating is the same");
        assert!(execution.edit(&Edit { title: Some(String::new()), tags: None }));
        assert_eq!(
            (execution.title.as_str(), execution.tags.texts().len()),
            ("true", 1),
            "an empty one is the command"
        );
    }

    #[test]
    fn a_queued_execution_stops_at_once() {
        let mut execution = queued(1);
        assert_eq!(execution.request_stop(DesiredState::StopAndKeep, at(2)), Ok(true));
        assert_eq!((execution.phase, execution.reason), (Phase::Stopped, Some(Reason::StoppedByUser)));
        assert_eq!(execution.request_stop(DesiredState::StopAndKeep, at(3)), Ok(false), "repeating is the same");
    }

    #[test]
    fn a_first_stop_after_the_outcome_is_refused_and_an_equal_one_is_not() {
        let mut stopped = running();
        assert_eq!(stopped.request_stop(DesiredState::StopAndDiscard, at(3)), Ok(true));
        assert_eq!(stopped.phase, Phase::Running, "the phase follows what happens");
        let mut unstopped = running();
        for execution in [&mut stopped, &mut unstopped] {
            execution.fix_outcome(1, exited(Reason::Completed), &[]).expect("fixed");
        }
        assert_eq!(stopped.request_stop(DesiredState::StopAndDiscard, at(4)), Ok(false));
        assert_eq!(stopped.request_stop(DesiredState::StopAndKeep, at(4)), Err(Error::OutcomeFixed));
        assert_eq!(unstopped.request_stop(DesiredState::StopAndKeep, at(4)), Err(Error::OutcomeFixed));
    }

    #[test]
    fn what_is_stored_reads_back() {
        let mut execution = running();
        execution.metrics = Some(serde_json::json!({"accuracy": 0.9}));
        let stored = serde_json::to_value(&execution).expect("serialises");
        assert_eq!(serde_json::from_value::<Execution>(stored).ok(), Some(execution));
    }
}
