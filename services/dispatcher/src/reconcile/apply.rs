//! Carries out plans. Each action may be repeated: a crash between two of them,
//! or in the middle of one, is healed by the next plan.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use katonic_domain::{ExecutionId, MemberId};
use katonic_service::telemetry;
use tracing::{Instrument, field::Empty, info_span, instrument, warn};

use crate::{
    backend::{Backend, Order},
    clients::logs::Logs,
    domain::{
        checkpoints::Kind,
        execution::{Condition, DesiredState, Execution},
        member::Member,
        phase::Phase,
        reason::Reason,
    },
    error::Error,
    metrics,
    reconcile::plan::{Action, Deadlines, Desired, Observed, Presence, lost, plan},
    store::Repository,
    tickets::Tickets,
    usecases::end::{Ending, Verdict},
};

/// Steps that are reached once a member is there on this machine.
const CREATED: [Kind; 4] = [Kind::ResourcesCreated, Kind::NodeAssigned, Kind::VolumesMounted, Kind::ImagesPulled];

/// What carrying out needs.
#[derive(Clone)]
pub struct Parts {
    /// What is kept.
    pub repository: Repository,
    /// Where members run.
    pub backend: Arc<dyn Backend>,
    /// What members are claimed with.
    pub tickets: Tickets,
    /// Who closes logs.
    pub logs: Logs,
    /// Who writes ends.
    pub ending: Ending,
    /// How long states may last.
    pub deadlines: Deadlines,
}

/// Brings executions to what is wanted of them.
#[derive(Clone)]
pub struct Reconciler {
    parts: Parts,
    seen: Arc<Mutex<HashMap<ExecutionId, Seen>>>,
}

/// Since when this lease holder sees a state (X6).
#[derive(Debug, Clone, Copy)]
struct Seen {
    phase: Phase,
    phase_since: Instant,
    stop_since: Option<Instant>,
    lost_since: Option<Instant>,
}

impl Reconciler {
    /// One that has seen nothing yet: its deadlines start now.
    pub fn new(parts: Parts) -> Self {
        Self { parts, seen: Arc::default() }
    }

    /// Whether waiting has a deadline.
    pub const fn bounds_the_queue(&self) -> bool {
        self.parts.deadlines.queued.is_some()
    }

    /// Whether this one was looked at.
    pub fn knows(&self, id: ExecutionId) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Looks at one execution and does what its plan says. Answers when to look
    /// again at the latest.
    #[instrument(skip_all, fields(execution.id = %id))]
    pub async fn reconcile(&self, id: ExecutionId) -> Result<Option<Duration>, Error> {
        let execution = self.parts.repository.execution(id).await?.state;
        let members = self.parts.repository.members_of(id).await?;
        let presences = self.observe(&members).await?;
        let desired = Desired { execution: &execution, members: &members, deadlines: &self.parts.deadlines };
        let observed = self.remember(&desired, presences, Instant::now());
        let mut again = None;
        for action in plan(&desired, &observed, Instant::now()) {
            match action {
                Action::LookAgain(after) => again = Some(after),
                action => self.apply(action, &execution, &members).await?,
            }
        }
        Ok(again)
    }

    async fn observe(&self, members: &[Member]) -> Result<Vec<(MemberId, Presence)>, Error> {
        let mut presences = Vec::new();
        for member in members.iter().filter(|member| member.holding) {
            presences.push((member.id.clone(), self.parts.backend.observe(&member.id).await?));
        }
        Ok(presences)
    }

    fn remember(&self, desired: &Desired<'_>, members: Vec<(MemberId, Presence)>, now: Instant) -> Observed {
        let execution = desired.execution;
        let stops = execution.desired != DesiredState::Run;
        let lost = lost(desired, &members);
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if execution.phase.is_last() {
            all.remove(&execution.id);
        }
        let fresh = Seen { phase: execution.phase, phase_since: now, stop_since: None, lost_since: None };
        let mut seen = all.get(&execution.id).copied().unwrap_or(fresh);
        if seen.phase != execution.phase {
            seen = Seen { phase: execution.phase, phase_since: now, ..seen };
        }
        seen.stop_since = stops.then(|| seen.stop_since.unwrap_or(now));
        seen.lost_since = lost.then(|| seen.lost_since.unwrap_or(now));
        if !execution.phase.is_last() {
            all.insert(execution.id, seen);
        }
        let Seen { phase: _, phase_since, stop_since, lost_since } = seen;
        Observed { members, phase_since, stop_since, lost_since }
    }

    async fn apply(&self, action: Action, execution: &Execution, members: &[Member]) -> Result<(), Error> {
        match action {
            Action::Ensure(id) => {
                let span = info_span!(parent: None, "launch", member.id = %id, trace_id = Empty);
                telemetry::set_parent(&span, execution.traceparent.as_deref());
                self.ensure(execution, members, &id).instrument(span).await
            }
            Action::Refuse(reason) => self.parts.ending.refuse(execution.id, reason).await,
            Action::End { reason, conditions } => self.end(execution, members, reason, conditions).await,
            Action::Delete(id) => self.delete(members, &id).await,
            Action::Release(id) => self.parts.ending.release(&id).await,
            Action::LookAgain(_) => Ok(()),
        }
    }

    async fn ensure(&self, execution: &Execution, members: &[Member], id: &MemberId) -> Result<(), Error> {
        let Some(member) = members.iter().find(|member| member.id == *id) else { return Ok(()) };
        let ticket = self.parts.tickets.of(id);
        match self.parts.backend.ensure(Order { execution, member, ticket: &ticket }).await {
            Ok(()) => self.parts.ending.reached(id, &CREATED).await,
            Err(error) if error.lacks_image() => {
                warn!(error = %katonic_service::runtime::chain(&error), "an attempt has no image to run in");
                self.end(execution, members, Reason::ImageUnavailable, Vec::new()).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The log first, so that its end is known when the execution's last event is written.
    async fn end(
        &self,
        execution: &Execution,
        members: &[Member],
        reason: Reason,
        mut conditions: Vec<Condition>,
    ) -> Result<(), Error> {
        let Some(attempt) = execution.attempt().map(|attempt| attempt.number) else { return Ok(()) };
        let mut log_last_seq = 0;
        for member in members.iter().filter(|member| member.id.attempt == attempt && member.nonce.is_some()) {
            match self.parts.logs.close_lost(&member.id).await {
                Ok(last_seq) => log_last_seq = log_last_seq.max(last_seq),
                // The end is not held up by it: what was kept stays readable, the rest is a declared loss.
                Err(error) => {
                    warn!(member.id = %member.id, error = %error, "a lost member's log was not closed");
                    conditions.push(Condition::LogIncomplete);
                }
            }
        }
        let verdict = Verdict { reason, conditions, log_last_seq };
        self.parts.ending.attempt(execution.id, attempt, &verdict).await?;
        metrics::ended_by_us(reason);
        Ok(())
    }

    async fn delete(&self, members: &[Member], id: &MemberId) -> Result<(), Error> {
        let Some(member) = members.iter().find(|member| member.id == *id) else { return Ok(()) };
        self.parts.backend.delete(member).await?;
        // It answers only when nothing is left: the place is free.
        self.parts.ending.release(id).await
    }
}
