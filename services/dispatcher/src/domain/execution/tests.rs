use super::*;
use crate::domain::{metered::tests::metered, reason::Class, retry::RetryPolicy, spec::tests::spec};

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
        rerun_of: None,
        schedule: None,
        after: Vec::new(),
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
    let edit = Edit { title: Some("best".into()), tags: Tags::try_new(&["kept"]).ok(), ..Edit::default() };
    assert!(execution.edit(&edit));
    assert_eq!(
        (execution.title.as_str(), execution.tags.texts(), execution.generation),
        ("best", vec!["kept".to_owned()], 2)
    );
    assert!(!execution.edit(&edit), "repeating is the same");
    assert!(execution.edit(&Edit { title: Some(String::new()), ..Edit::default() }));
    assert_eq!((execution.title.as_str(), execution.tags.texts().len()), ("true", 1), "an empty one is the command");
}

#[test]
fn a_queued_execution_stops_at_once() {
    let mut execution = queued(1);
    assert_eq!(execution.request_stop(DesiredState::StopAndKeep, at(2)), Ok(true));
    assert_eq!((execution.phase, execution.reason), (Phase::Stopped, Some(Reason::StoppedByUser)));
    assert_eq!(execution.request_stop(DesiredState::StopAndKeep, at(3)), Ok(false), "repeating is the same");
}

#[test]
fn what_waits_in_vain_ends_once_and_says_for_what() {
    let (mut execution, failed) = (queued(1), ExecutionId::generate());
    assert_eq!(execution.give_up(failed, at(2)), Ok(true));
    assert_eq!((execution.phase, execution.reason), (Phase::Failed, Some(Reason::DependencyFailed)));
    assert_eq!((execution.failed_dependency, execution.ended_at), (Some(failed), Some(at(2))));
    assert_eq!(execution.give_up(ExecutionId::generate(), at(3)), Ok(false), "the first is the one");
    assert_eq!(execution.failed_dependency, Some(failed));

    let mut stopped = queued(1);
    stopped.request_stop(DesiredState::StopAndKeep, at(2)).expect("stoppable");
    assert_eq!(stopped.give_up(failed, at(3)), Ok(false));
    assert_eq!((stopped.reason, stopped.failed_dependency), (Some(Reason::StoppedByUser), None));
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

/// One that runs and is tried again, twice at most, after what users and machines are at fault for.
fn retried() -> Execution {
    let mut execution = running();
    execution.spec.retry =
        RetryPolicy { max_attempts: 3, backoff_ms: 10_000, on: vec![Class::User, Class::Infrastructure] };
    execution
}

#[test]
fn a_failed_attempt_is_followed_by_another_one() {
    let mut execution = retried();
    execution.fix_outcome(1, exited(Reason::ExitCode), &[]).expect("fixed");
    let kept = Closing { log_last_seq: 7, conditions: vec![Condition::LogIncomplete], ..Closing::default() };
    assert_eq!(execution.close(1, kept.clone(), at(4)), Ok(true));
    assert_eq!((execution.phase, execution.reason, execution.ended_at), (Phase::Queued, Some(Reason::ExitCode), None));
    assert_eq!((execution.retry_at, execution.conditions.len()), (Some(at(14)), 0));
    assert_eq!(execution.close(1, kept, at(5)), Ok(false), "a repeated report changes nothing");
    assert_eq!(execution.fix_outcome(1, exited(Reason::ShimLost), &[]), Ok(false));

    assert_eq!(execution.admit(at(15)), Ok(2));
    assert_eq!((execution.reason, execution.retry_at), (None, None));
    assert_eq!(execution.close(1, Closing::default(), at(16)), Ok(false), "nor does a late one");
    execution.fix_outcome(2, exited(Reason::Completed), &[]).expect("fixed");
    execution.close(2, Closing::default(), at(17)).expect("closed");
    assert_eq!((execution.phase, execution.started_at), (Phase::Succeeded, Some(at(2))));
    let logs: Vec<u64> = execution.attempts.iter().map(|attempt| attempt.log_last_seq).collect();
    assert_eq!(logs, [7, 0]);
}

#[test]
fn the_last_attempt_decides_how_it_ends() {
    let mut execution = retried();
    for attempt in 1..=3 {
        execution.fix_outcome(attempt, exited(Reason::ExitCode), &[]).expect("fixed");
        execution.close(attempt, Closing::default(), at(4)).expect("closed");
        if attempt < 3 {
            assert_eq!(execution.admit(at(5)), Ok(attempt + 1));
        }
    }
    assert_eq!((execution.phase, execution.reason), (Phase::Failed, Some(Reason::ExitCode)));
}

#[test]
fn a_stop_is_the_end_of_trying_again() {
    let mut finishing = retried();
    finishing.fix_outcome(1, exited(Reason::ExitCode), &[]).expect("fixed");
    assert_eq!(finishing.request_stop(DesiredState::StopAndKeep, at(4)), Ok(true), "another attempt would follow");
    finishing.close(1, Closing::default(), at(5)).expect("closed");
    assert_eq!((finishing.phase, finishing.reason), (Phase::Failed, Some(Reason::ExitCode)));

    let mut resting = retried();
    resting.fix_outcome(1, exited(Reason::ExitCode), &[]).expect("fixed");
    resting.close(1, Closing::default(), at(4)).expect("closed");
    assert_eq!(resting.request_stop(DesiredState::StopAndKeep, at(5)), Ok(true));
    assert_eq!((resting.phase, resting.reason), (Phase::Stopped, Some(Reason::StoppedByUser)));
    assert_eq!((resting.retry_at, resting.ended_at), (None, Some(at(5))));
}

#[test]
fn what_attempts_used_adds_up_and_each_counts_once() {
    let mut execution = retried();
    assert_eq!(execution.used_by(at(5), &[]).map(|used| used.run_ms), Some(3_000), "while it runs");
    let closing = Closing { metered: vec![metered(2, 1)], ..Closing::default() };
    for attempt in 1..=2 {
        execution.fix_outcome(attempt, exited(Reason::ExitCode), &[]).expect("fixed");
        for _ in 0..2 {
            execution.close(attempt, closing.clone(), at(4)).expect("closed");
        }
        execution.admit(at(5)).expect("admitted");
    }
    let used = execution.used.expect("some of it");
    assert_eq!((used.run_ms, used.measured.map(|measured| measured.cpu_ms)), (2_000, Some(20_000)));
    assert_eq!(execution.used_by(at(99), &[]), Some(used), "the third has not started");
    assert_eq!(queued(1).used_by(at(9), &[]), None);
}
