//! What to do about one execution, decided from what is wanted and what is
//! observed. Pure: the same input is the same plan.
//!
//! Deadlines run from when the present lease holder first saw the state, on its
//! monotonic clock (X6). Once user code runs, only its exit or its absence ends
//! it, never silence: no action here follows from an agent that says nothing,
//! except while starting and after the outcome is fixed.

use std::time::{Duration, Instant};

use katonic_domain::MemberId;

use crate::domain::{
    execution::{Condition, DesiredState, Execution},
    member::Member,
    phase::Phase,
    reason::Reason,
};

/// How long each state may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// In the queue; none means as long as it takes.
    pub queued: Option<Duration>,
    /// From admission to user code.
    pub starting: Duration,
    /// Beyond a stop's grace time, before the backend ends it.
    pub stop_margin: Duration,
    /// From the loss of a shim to its end without its agent's help.
    pub lost: Duration,
    /// From the fixed outcome to the end.
    pub finishing: Duration,
}

/// What the store says.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    /// The execution.
    pub execution: &'a Execution,
    /// Its members, of every attempt.
    pub members: &'a [Member],
    /// How long its states may last.
    pub deadlines: &'a Deadlines,
}

/// What the backend says about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// There is nothing of it.
    Absent,
    /// Its shim lives.
    Alive,
    /// Its shim is gone and left an exit record.
    Exited,
    /// Its shim is gone and left none.
    Dead,
}

/// What is observed, and since when the lease holder sees it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Each member that the store knows.
    pub members: Vec<(MemberId, Presence)>,
    /// Since when the phase is seen.
    pub phase_since: Instant,
    /// Since when the wish to stop is seen.
    pub stop_since: Option<Instant>,
    /// Since when a claimed member is seen to be lost.
    pub lost_since: Option<Instant>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the member be there.
    Ensure(MemberId),
    /// Give up waiting for a place.
    Refuse(Reason),
    /// End the current attempt without its agent; a fixed outcome stays.
    End {
        /// Why, where nothing is fixed.
        reason: Reason,
        /// What is lost by it.
        conditions: Vec<Condition>,
    },
    /// Remove what is left of a closed member.
    Delete(MemberId),
    /// Free the place of a closed member that is gone.
    Release(MemberId),
    /// Make a new plan after this time at the latest.
    LookAgain(Duration),
}

/// Whether a claimed member of the current attempt has lost its shim without an exit record.
pub fn lost(desired: &Desired<'_>, members: &[(MemberId, Presence)]) -> bool {
    current(desired)
        .filter(|member| member.nonce.is_some())
        .any(|member| matches!(presence(members, &member.id), Presence::Absent | Presence::Dead))
}

/// What to do now.
pub fn plan(desired: &Desired<'_>, observed: &Observed, now: Instant) -> Vec<Action> {
    let mut actions = match desired.execution.phase {
        Phase::Queued => plan_queued(desired, observed, now),
        Phase::Starting | Phase::Running => plan_open(desired, observed, now),
        Phase::Finishing => plan_finishing(desired, observed, now),
        Phase::Succeeded | Phase::Failed | Phase::Stopped => Vec::new(),
    };
    actions.extend(clean_up(desired, observed));
    actions
}

fn plan_queued(desired: &Desired<'_>, observed: &Observed, now: Instant) -> Vec<Action> {
    let Some(limit) = desired.deadlines.queued else { return Vec::new() };
    match remaining(observed.phase_since, limit, now) {
        None => vec![Action::Refuse(Reason::QueueTimeout)],
        Some(left) => vec![Action::LookAgain(left)],
    }
}

fn plan_open(desired: &Desired<'_>, observed: &Observed, now: Instant) -> Vec<Action> {
    let mut waits = Vec::new();
    for (limit, reason, conditions) in limits(desired, observed) {
        match limit.and_then(|(since, limit)| remaining(since, limit, now)) {
            None => return vec![Action::End { reason, conditions }],
            Some(left) => waits.push(left),
        }
    }
    let mut actions: Vec<Action> = current(desired)
        .filter(|member| member.open && member.nonce.is_none())
        .filter(|member| matches!(presence(&observed.members, &member.id), Presence::Absent | Presence::Dead))
        .map(|member| Action::Ensure(member.id.clone()))
        .collect();
    actions.extend(waits.into_iter().min().map(Action::LookAgain));
    actions
}

/// A limit that bounds the attempt (none: it is over now), and how the attempt ends there.
type Limit = (Option<(Instant, Duration)>, Reason, Vec<Condition>);

fn limits(desired: &Desired<'_>, observed: &Observed) -> Vec<Limit> {
    let deadlines = desired.deadlines;
    let mut limits = Vec::new();
    if let Some(since) = observed.stop_since.filter(|_| desired.execution.desired != DesiredState::Run) {
        if current(desired).all(|member| member.nonce.is_none()) {
            // Nothing was claimed: closing the members means that user code never starts.
            limits.push((None, Reason::StoppedByUser, Vec::new()));
        } else {
            let limit = desired.execution.spec.grace() + deadlines.stop_margin;
            limits.push((Some((since, limit)), Reason::StoppedByUser, vec![Condition::ResultsNotSaved]));
        }
    }
    if desired.execution.phase == Phase::Starting {
        limits.push((Some((observed.phase_since, deadlines.starting)), Reason::StartTimeout, Vec::new()));
    }
    if let Some(since) = observed.lost_since {
        limits.push((Some((since, deadlines.lost)), Reason::ShimLost, vec![Condition::ResultsNotSaved]));
    }
    limits
}

fn plan_finishing(desired: &Desired<'_>, observed: &Observed, now: Instant) -> Vec<Action> {
    match remaining(observed.phase_since, desired.deadlines.finishing, now) {
        Some(left) => vec![Action::LookAgain(left)],
        None => vec![Action::End {
            reason: desired.execution.reason.unwrap_or(Reason::ShimLost),
            conditions: vec![Condition::ResultsNotSaved, Condition::LogIncomplete],
        }],
    }
}

fn clean_up(desired: &Desired<'_>, observed: &Observed) -> Vec<Action> {
    let closed = desired.members.iter().filter(|member| !member.open && member.holding);
    closed
        .map(|member| match presence(&observed.members, &member.id) {
            Presence::Absent => Action::Release(member.id.clone()),
            Presence::Alive | Presence::Exited | Presence::Dead => Action::Delete(member.id.clone()),
        })
        .collect()
}

fn current<'a>(desired: &Desired<'a>) -> impl Iterator<Item = &'a Member> {
    let number = desired.execution.attempt().map_or(0, |attempt| attempt.number);
    desired.members.iter().filter(move |member| member.id.attempt == number)
}

fn presence(members: &[(MemberId, Presence)], id: &MemberId) -> Presence {
    members.iter().find(|(member, _)| member == id).map_or(Presence::Absent, |(_, presence)| *presence)
}

/// What is left of a limit; none once it is reached.
fn remaining(since: Instant, limit: Duration, now: Instant) -> Option<Duration> {
    limit.checked_sub(now.saturating_duration_since(since)).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests;
