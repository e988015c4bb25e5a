//! Says in words why an execution is where it is and what would help: a pure
//! function over the state that the reconciler acts on.

mod queued;

use crate::domain::{
    checkpoints::{self, Checkpoint, Kind},
    dependency::{self, Open},
    execution::{Condition, DesiredState, Execution},
    limits::Limits,
    member::Member,
    phase::Phase,
    queue::Waiting,
    standing::Standing,
    usage::{Full, Usage},
    wait::Wait,
};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The execution.
    pub execution: &'a Execution,
    /// Members of its current attempt.
    pub members: &'a [Member],
    /// What it waits for and where it stands; none where it does not wait.
    pub wait: Option<(Wait, Standing)>,
    /// What it is to run after and that has not ended as it is to.
    pub open: &'a [Open],
    /// What is taken.
    pub usage: &'a Usage,
    /// What may be.
    pub limits: &'a Limits,
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
    /// What it waits for and where it stands; none where it does not wait.
    pub wait: Option<(Wait, Standing)>,
    /// What it is to run after and that has not ended as it is to.
    pub open: Vec<Open>,
    /// What was observed, as name and value.
    pub observations: Vec<(String, String)>,
}

/// Why it is where it is.
pub fn explain(facts: &Facts<'_>) -> Explanation {
    let (summary, next_step) = match facts.execution.phase {
        Phase::Queued => match &facts.wait {
            Some((wait, standing)) => queued::words(facts, *wait, standing),
            None => ("It waits to be admitted.".into(), String::new()),
        },
        Phase::Starting => starting(facts),
        Phase::Running => running(facts),
        Phase::Finishing => ended(facts, "How it ends is decided; its results and log are being saved."),
        Phase::Succeeded | Phase::Failed | Phase::Stopped => ended(facts, "It has ended."),
    };
    Explanation {
        phase: facts.execution.phase,
        summary,
        next_step,
        wait: facts.wait,
        open: facts.open.to_vec(),
        observations: observations(facts),
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
    let failed = facts.execution.failed_dependency;
    let detail = match (outcome.map(|outcome| (outcome.exit_code, outcome.signal)), failed) {
        (Some((Some(code), _)), _) if code != 0 => format!(" (exit code {code})"),
        (Some((None, signal)), _) if signal != 0 => format!(" (signal {signal})"),
        (None, Some(failed)) => format!(" ({failed})"),
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
    let mut observations = places(facts);
    if let Some((_, Standing { ahead, .. })) = &facts.wait
        && ahead.all() > 0
    {
        let counts = [
            ("higher priority", ahead.higher_priority),
            ("smaller share", ahead.smaller_share),
            ("waiting longer", ahead.older),
            ("of the same user", ahead.own),
            ("lower priority whose turn it is", ahead.turns),
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(why, count)| format!("{count} {why}")).collect();
        observations.push(("before it".into(), counts.join(", ")));
    }
    observations.extend(facts.open.iter().map(named));
    if let Some(step) = reached(facts).last() {
        observations.push(("last checkpoint".into(), format!("{:?} at {}", step.kind, step.at)));
    }
    for condition in &facts.execution.conditions {
        let lost = match condition {
            Condition::ResultsNotSaved => "the results could not be saved".to_owned(),
            Condition::LogIncomplete => "the log has a declared gap at its end".to_owned(),
            Condition::MetricsRefused => format!("the metrics: {}", facts.execution.metrics_refusal),
        };
        observations.push(("lost".into(), lost));
    }
    observations.extend_from_slice(facts.backend);
    observations
}

fn named(open: &Open) -> (String, String) {
    let how = match open.condition {
        dependency::Condition::Succeeded => "succeed",
        dependency::Condition::Ended => "end",
    };
    let phase = format!("{:?}", open.awaited.phase).to_lowercase();
    (format!("after {}", open.awaited.number.0), format!("{} is to {how} and is {phase}", open.awaited.id))
}

/// How full everything is that it counts against.
fn places(facts: &Facts<'_>) -> Vec<(String, String)> {
    let waiting = Waiting::from(facts.execution);
    let taken = |full| match facts.usage.against(full, &waiting, facts.limits) {
        (held, Some(limit)) => Some(format!("{held} of {limit} places taken")),
        (_, None) => None,
    };
    let all = [
        (format!("tier {}", waiting.tier), Full::Tier),
        ("its user".into(), Full::User),
        ("its project".into(), Full::Project),
        ("the installation".into(), Full::Installation),
    ];
    all.into_iter().filter_map(|(name, full)| Some((name, taken(full)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        attempt::Outcome,
        dependency::{
            Condition::{Ended, Succeeded},
            tests::awaited,
        },
        execution::{
            Closing,
            tests::{at, queued, running},
        },
        member::tests::member_of,
        reason::Reason,
        standing::Ahead,
    };

    fn said(execution: &Execution, members: &[Member], usage: &Usage) -> Explanation {
        let backend = [("memory limit".to_owned(), "not enforced".to_owned())];
        let limits = Limits::default();
        explain(&Facts { execution, members, wait: None, open: &[], usage, limits: &limits, backend: &backend })
    }

    fn said_of(wait: Wait, ahead: Ahead) -> Explanation {
        let execution = queued(1);
        let mut usage = Usage::default();
        (0..2).for_each(|_| usage.add_waiting(&(&execution).into()));
        let mut limits = Limits::default();
        limits.set_tier("large".parse().expect("a name"), 3);
        let wait = Some((wait, Standing { place: ahead.all() + 1, waiting: 9, ahead }));
        let facts = Facts {
            execution: &execution,
            members: &[],
            wait,
            open: &[],
            usage: &usage,
            limits: &limits,
            backend: &[],
        };
        explain(&facts)
    }

    fn said_of_open(open: &[Open]) -> Explanation {
        let (execution, usage, limits) = (queued(1), Usage::default(), Limits::default());
        let wait = Some((Wait::Dependencies, Standing::default()));
        explain(&Facts {
            execution: &execution,
            members: &[],
            wait,
            open,
            usage: &usage,
            limits: &limits,
            backend: &[],
        })
    }

    #[test]
    fn a_full_tier_is_named_with_its_numbers_its_place_and_what_is_free() {
        let ahead = Ahead { older: 2, ..Ahead::default() };
        let explanation = said_of(Wait::TierFull, ahead);
        assert!(explanation.summary.contains("2 of 2 places of tier `small`"), "{}", explanation.summary);
        assert_eq!(explanation.next_step, "It is number 3 of 9 in its tier. Tier `large` has 3 free.");
        assert!(explanation.observations.contains(&("before it".into(), "2 waiting longer".into())));
        assert!(explanation.observations.contains(&("tier small".into(), "2 of 2 places taken".into())));
    }

    #[test]
    fn every_kind_of_wait_has_words_of_its_own() {
        let ahead = Ahead { higher_priority: 4, smaller_share: 5, ..Ahead::default() };
        let limit = |full| Wait::Limit { full, held: 3, limit: 3 };
        let kinds = [
            (Wait::Stopping, "going down"),
            (Wait::EventsWaiting(48), "48 of its events"),
            (Wait::NeverFits { full: Full::User, limit: 0 }, "the limit of its user allows 0"),
            (limit(Full::User), "the limit of its user: 3 of 3"),
            (limit(Full::Project), "the limit of its project: 3 of 3"),
            (limit(Full::Installation), "the limit of the installation: 3 of 3"),
            (Wait::HigherPriority, "4 of higher priority"),
            (Wait::FairShare, "5 of users who hold fewer"),
            (Wait::TierFull, "2 of 2 places"),
            (Wait::BackendFull, "waits for the machine"),
            (Wait::Nothing, "has a free place"),
        ];
        for (kind, words) in kinds {
            let explanation = said_of(kind, ahead);
            assert!(explanation.summary.contains(words), "{kind:?}: {}", explanation.summary);
            assert!(!explanation.next_step.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn what_others_it_waits_for_is_named_each_with_where_it_is() {
        let project = queued(1).project;
        let running = Open { condition: Succeeded, awaited: awaited(project, Phase::Running) };
        let waiting = Open { condition: Ended, awaited: awaited(project, Phase::Queued) };
        let explanation = said_of_open(&[running, waiting]);
        assert!(explanation.summary.contains("2 executions"), "{}", explanation.summary);
        assert!(explanation.next_step.contains(&format!("`katonic explain {}`", running.awaited.id)));
        let line = |open: Open, how: &str| ("after 7".to_owned(), format!("{} is to {how}", open.awaited.id));
        let expected = [line(running, "succeed and is running"), line(waiting, "end and is queued")];
        assert_eq!(explanation.observations.iter().filter(|seen| expected.contains(*seen)).count(), 2);

        let failed = Open { condition: Succeeded, awaited: awaited(project, Phase::Failed) };
        let explanation = said_of_open(&[running, failed]);
        assert!(explanation.summary.contains(&failed.awaited.id.to_string()), "{}", explanation.summary);
    }

    #[test]
    fn who_waited_in_vain_is_told_for_what() {
        let (mut execution, failed) = (queued(1), queued(2).id);
        execution.give_up(failed, at(2)).expect("given up");
        let explanation = said(&execution, &[], &Usage::default());
        assert_eq!(explanation.summary, format!("{} ({failed})", Reason::DependencyFailed.row().text));
    }

    #[test]
    fn starting_says_how_far_it_came() {
        let mut execution = queued(1);
        execution.admit(at(1)).expect("admitted");
        let mut member = member_of(&execution);
        let summary = |member: &Member| said(&execution, std::slice::from_ref(member), &Usage::default()).summary;
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
        let explanation = said(&execution, &[], &Usage::default());
        assert_eq!(explanation.summary, format!("{} (exit code 3)", Reason::ExitCode.row().text));
        assert_eq!(explanation.next_step, Reason::ExitCode.row().next_step);
        assert!(explanation.observations.contains(&("lost".into(), "the results could not be saved".into())));
        assert!(explanation.observations.contains(&("memory limit".into(), "not enforced".into())));
    }

    #[test]
    fn a_stop_that_is_under_way_says_when_it_is_over() {
        let mut execution = running();
        execution.request_stop(DesiredState::StopAndKeep, at(3)).expect("stoppable");
        assert!(said(&execution, &[], &Usage::default()).next_step.contains("1 s"));
    }
}
