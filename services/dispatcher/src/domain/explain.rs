//! Says in words why an execution is where it is and what would help: a pure
//! function over the state that the reconciler acts on.

use crate::domain::{
    admission::Usage,
    checkpoints::{self, Checkpoint, Kind},
    execution::{Condition, DesiredState, Execution},
    member::Member,
    phase::Phase,
};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The execution.
    pub execution: &'a Execution,
    /// Members of its current attempt.
    pub members: &'a [Member],
    /// Its place in the queue, from 1; 0 where it does not wait.
    pub queue_place: u32,
    /// What is taken.
    pub usage: &'a Usage,
    /// What the backend says, as name and value.
    pub backend: &'a [(String, String)],
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Where it is.
    pub phase: Phase,
    /// One sentence: where it is and why.
    pub summary: String,
    /// What would help, or what happens next.
    pub next_step: String,
    /// Place in the queue, from 1; 0 where it does not wait.
    pub queue_place: u32,
    /// What was observed, as name and value.
    pub observations: Vec<(String, String)>,
}

/// Why it is where it is.
pub fn explain(facts: &Facts<'_>) -> Explanation {
    let (summary, next_step) = match facts.execution.phase {
        Phase::Queued => queued(facts),
        Phase::Starting => starting(facts),
        Phase::Running => running(facts),
        Phase::Finishing => ended(facts, "How it ends is decided; its results and log are being saved."),
        Phase::Succeeded | Phase::Failed | Phase::Stopped => ended(facts, "It has ended."),
    };
    Explanation {
        phase: facts.execution.phase,
        summary,
        next_step,
        queue_place: facts.queue_place,
        observations: observations(facts),
    }
}

fn queued(facts: &Facts<'_>) -> (String, String) {
    let tier = &facts.execution.spec.tier;
    let held = facts.usage.of(&tier.name);
    if held.saturating_add(facts.execution.spec.member_count()) > tier.max_running {
        let summary =
            format!("It waits for a place: {held} of {} places of tier `{}` are taken.", tier.max_running, tier.name);
        let ahead = facts.queue_place.saturating_sub(1);
        (
            summary,
            format!("It starts when a place is free; {ahead} in this tier are before it. Another tier may have one."),
        )
    } else {
        ("It waits to be admitted; its tier has a free place.".into(), "It is admitted within moments.".into())
    }
}

fn starting(facts: &Facts<'_>) -> (String, String) {
    let stop = facts.execution.desired != DesiredState::Run;
    let claimed = facts.members.iter().any(|member| member.nonce.is_some());
    let summary = match (claimed, last_step(facts)) {
        (false, _) => "It was admitted; its agent has not taken it yet.".to_owned(),
        (true, Some(Kind::FilesPrepared)) => "Its files are ready; its command is about to start.".into(),
        (true, _) => "Its agent prepares its files.".into(),
    };
    let next_step =
        if stop { "It was asked to stop and will not start." } else { "Its command starts when that is done." };
    (summary, next_step.into())
}

fn running(facts: &Facts<'_>) -> (String, String) {
    match facts.execution.desired {
        DesiredState::Run => ("Its command runs.".into(), "Nothing to do.".into()),
        DesiredState::StopAndKeep | DesiredState::StopAndDiscard => (
            "It was asked to stop: its command got TERM and has its grace time.".into(),
            format!("It is killed after {} s at the latest.", facts.execution.spec.grace().as_secs()),
        ),
    }
}

fn ended(facts: &Facts<'_>, otherwise: &str) -> (String, String) {
    let Some(reason) = facts.execution.reason else { return (otherwise.into(), String::new()) };
    let row = reason.row();
    let outcome = facts.execution.attempt().and_then(|attempt| attempt.outcome);
    let detail = match outcome.map(|outcome| (outcome.exit_code, outcome.signal)) {
        Some((Some(code), _)) if code != 0 => format!(" (exit code {code})"),
        Some((None, signal)) if signal != 0 => format!(" (signal {signal})"),
        _ => String::new(),
    };
    (format!("{}{detail}", row.text), row.next_step.into())
}

fn last_step(facts: &Facts<'_>) -> Option<Kind> {
    reached(facts).last().map(|checkpoint| checkpoint.kind)
}

fn reached(facts: &Facts<'_>) -> Vec<Checkpoint> {
    let copied = facts.execution.attempt().map_or(&[][..], |attempt| &attempt.checkpoints);
    facts.members.iter().fold(copied.to_vec(), |all, member| checkpoints::merge(&all, &member.checkpoints))
}

fn observations(facts: &Facts<'_>) -> Vec<(String, String)> {
    let tier = &facts.execution.spec.tier;
    let mut observations = vec![(
        format!("tier {}", tier.name),
        format!("{} of {} places taken", facts.usage.of(&tier.name), tier.max_running),
    )];
    if let Some(step) = reached(facts).last() {
        observations.push(("last checkpoint".into(), format!("{:?} at {}", step.kind, step.at)));
    }
    for condition in &facts.execution.conditions {
        let lost = match condition {
            Condition::ResultsNotSaved => "the results could not be saved",
            Condition::LogIncomplete => "the log has a declared gap at its end",
            Condition::MetricsRefused => "the metrics were not a JSON object of at most 16 KiB",
        };
        observations.push(("lost".into(), lost.into()));
    }
    observations.extend_from_slice(facts.backend);
    observations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        attempt::Outcome,
        execution::{
            Closing,
            tests::{at, queued, running},
        },
        member::tests::member_of,
        reason::Reason,
    };

    fn said(execution: &Execution, members: &[Member], usage: &Usage, queue_place: u32) -> Explanation {
        let backend = [("memory limit".to_owned(), "not enforced".to_owned())];
        explain(&Facts { execution, members, queue_place, usage, backend: &backend })
    }

    #[test]
    fn a_full_tier_is_named_with_its_numbers() {
        let execution = queued(1);
        let mut usage = Usage::default();
        (0..2).for_each(|_| usage.add(&execution.spec.tier.name, None));
        let explanation = said(&execution, &[], &usage, 3);
        assert!(explanation.summary.contains("2 of 2 places of tier `small`"), "{}", explanation.summary);
        assert!(explanation.next_step.contains("2 in this tier are before it"), "{}", explanation.next_step);
        assert_eq!(explanation.queue_place, 3);
    }

    #[test]
    fn starting_says_how_far_it_came() {
        let mut execution = queued(1);
        execution.admit(at(1)).expect("admitted");
        let mut member = member_of(&execution);
        let summary = |member: &Member| said(&execution, std::slice::from_ref(member), &Usage::default(), 0).summary;
        assert!(summary(&member).contains("has not taken it"));
        member.nonce = Some("a".repeat(32).parse().expect("a nonce"));
        assert!(summary(&member).contains("prepares"));
        member.reach(&[Checkpoint { kind: Kind::FilesPrepared, at: at(2) }]);
        assert!(summary(&member).contains("about to start"));
    }

    #[test]
    fn an_end_is_told_by_the_table_with_code_and_losses() {
        let mut execution = running();
        let outcome = Outcome { exit_code: Some(3), ..Outcome::without_exit(Reason::ExitCode, at(3)) };
        execution.fix_outcome(1, outcome, &[]).expect("fixed");
        let closing = Closing { conditions: vec![Condition::ResultsNotSaved], ..Closing::default() };
        execution.close(1, closing, at(4)).expect("closed");
        let explanation = said(&execution, &[], &Usage::default(), 0);
        assert_eq!(explanation.summary, format!("{} (exit code 3)", Reason::ExitCode.row().text));
        assert_eq!(explanation.next_step, Reason::ExitCode.row().next_step);
        assert!(explanation.observations.contains(&("lost".into(), "the results could not be saved".into())));
        assert!(explanation.observations.contains(&("memory limit".into(), "not enforced".into())));
    }

    #[test]
    fn a_stop_that_is_under_way_says_when_it_is_over() {
        let mut execution = running();
        execution.request_stop(DesiredState::StopAndKeep, at(3)).expect("stoppable");
        assert!(said(&execution, &[], &Usage::default(), 0).next_step.contains("1 s"));
    }
}
