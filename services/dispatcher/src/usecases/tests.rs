//! The use cases on the real store, from submit to the last phase.

mod bench;
mod dependencies;
mod ten_thousand;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, future::join_all};
use katonic_domain::{
    Clock, ErrorKind, InstallationId, Limit, LimitScope, MemberId, ProjectId, SystemClock, UserId, error::Classified,
};
use katonic_proto::envelope::Source;
use katonic_store::{Epoch, Idempotency, Store, StoreConfig, Version};
use katonic_testkit::publisher::RecordingPublisher;
use tempfile::TempDir;

use super::{
    admit::Admission,
    claim::Claims,
    end::{Ending, Verdict},
    read::Reads,
    report::Reports,
    stop::Stop,
    submit::{Intake, Submitter, pin},
    watch::Watches,
};
use crate::{
    backend::{
        Backend,
        process::{ProcessBackend, Settings},
    },
    clients::metadata::Resolved,
    domain::{
        attempt::Outcome,
        checkpoints::{Checkpoint, Kind},
        execution::{Closing, Condition, DesiredState, Execution},
        member::Nonce,
        metered::{Metered, tests::metered},
        phase::Phase,
        policy::{Policy, Rule, Seen},
        reason::Reason,
        series::tests::series,
        spec::tests::{form, spec},
        usage::Full,
        wait::Wait,
    },
    error::Error,
    policies::Policies,
    store::{Listed, Repository},
    tickets::Tickets,
    waiting::WaitingRoom,
};
use bench::{Bench, nonce};

#[tokio::test]
async fn a_job_goes_its_whole_way_with_one_event_each() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    bench.claim(&member, "a").await.expect("claimed");
    let launched = Checkpoint { kind: Kind::UserCodeLaunched, at: bench.clock.now() };
    bench.reports().checkpoints(&member, &[launched]).await.expect("taken");
    assert_eq!(bench.state(&execution).await.phase, Phase::Running);
    bench.reports().exit(&member, bench.outcome(Reason::Completed)).await.expect("taken");
    let closing = Closing { log_last_seq: 3, ..Closing::default() };
    bench.reports().finished(&member, closing).await.expect("taken");

    let ended = bench.state(&execution).await;
    assert_eq!((ended.phase, ended.number.0), (Phase::Succeeded, 1));
    let steps: Vec<_> = ended.attempts[0].checkpoints.iter().map(|checkpoint| checkpoint.kind).collect();
    assert_eq!(steps, [Kind::Acknowledged, Kind::QuotaChecked, Kind::UserCodeLaunched]);
    let facts = bench.facts(&execution, 5).await;
    assert_eq!(facts, ["queued", "admitted", "running", "finishing", "finished"]);
    let member = bench.repository.member(&member).await.expect("read");
    assert!(!member.open && member.holding, "its place is the backend's to free");
}

#[tokio::test]
async fn reports_may_come_twice_and_late() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let reports = bench.reports();
    let early = reports.finished(&member, Closing::default()).await;
    assert!(matches!(early, Err(Error::OutcomeNotFixed)), "{early:?}");
    for reason in [Reason::ExitCode, Reason::ShimLost] {
        reports.exit(&member, bench.outcome(reason)).await.expect("taken");
    }
    for _ in 0..2 {
        reports.finished(&member, Closing::default()).await.expect("taken");
    }
    let late = Checkpoint { kind: Kind::UserCodeLaunched, at: bench.clock.now() };
    let late = reports.checkpoints(&member, &[late]).await;
    assert!(matches!(late, Err(Error::AttemptOver)), "{late:?}");
    let ended = bench.state(&execution).await;
    assert_eq!((ended.phase, ended.reason), (Phase::Failed, Some(Reason::ExitCode)), "the first outcome decides");
    assert_eq!(bench.facts(&execution, 4).await, ["queued", "admitted", "finishing", "finished"]);
}

#[tokio::test]
async fn of_many_claims_one_nonce_wins() {
    let bench = Bench::new().await;
    let (_, member) = bench.admitted().await;
    let digits = ["0", "1", "2", "3", "4", "5", "6", "7"];
    let answers = join_all(digits.map(|digit| bench.claim(&member, digit))).await;
    let won: Vec<_> = digits.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(won.len(), 1);
    bench.claim(&member, won[0].0).await.expect("renewed");
    let reasons: BTreeSet<_> = answers.iter().filter_map(|a| a.as_ref().err()).map(Classified::reason).collect();
    assert_eq!(reasons, BTreeSet::from(["CLAIMED_BY_ANOTHER"]));
}

#[tokio::test]
async fn a_wrong_ticket_and_an_unknown_member_are_told_the_same() {
    let bench = Bench::new().await;
    let (_, member) = bench.admitted().await;
    let claims = Claims::new(bench.repository.clone());
    let unknown = MemberId { index: 9, ..member.clone() };
    for (id, ticket) in [(&member, "kmt_wrong".to_owned()), (&unknown, bench.tickets.of(&unknown))] {
        let error = claims.claim(id, &ticket, &nonce("a")).await.expect_err("refused");
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Unauthenticated, "TICKET_INVALID"));
    }
}

#[tokio::test]
async fn a_tier_admits_no_more_than_its_limit_and_again_when_a_place_is_free() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        bench.submit("small", 2).await;
    }
    assert_eq!(bench.admit().await, 2);
    assert_eq!(bench.admit().await, 0);
    let held = bench.repository.holding().await.expect("read");
    let uids: BTreeSet<_> = held.iter().filter_map(|member| member.uid).collect();
    assert_eq!(uids.len(), 2, "each has its own user id");

    let first = &held[0].id;
    bench.reports().exit(first, bench.outcome(Reason::Completed)).await.expect("taken");
    bench.reports().finished(first, Closing::default()).await.expect("taken");
    assert_eq!(bench.admit().await, 0, "the member is not gone yet");
    bench.ending().release(first).await.expect("released");
    assert_eq!(bench.admit().await, 1);
}

#[tokio::test]
async fn two_leaders_cannot_give_a_place_twice() {
    let bench = Bench::new().await;
    for _ in 0..4 {
        bench.submit("small", 2).await;
    }
    join_all((0..4).map(|_| bench.admit())).await;
    assert_eq!(bench.repository.holding().await.expect("read").len(), 2);
}

#[tokio::test]
async fn user_ids_are_a_limit_of_their_own() {
    let bench = Bench::new().await;
    for _ in 0..5 {
        bench.submit("large", 100).await;
    }
    assert_eq!(bench.admit().await, 3);
}

#[tokio::test]
async fn what_was_stopped_in_the_queue_is_not_admitted() {
    let bench = Bench::new().await;
    let execution = bench.submit("small", 1).await;
    let waiting = WaitingRoom::default();
    waiting.see(&execution);
    bench.stop().execution(execution.id, false).await.expect("stopped");
    bench.admission(&waiting).batch(&mut BTreeMap::new(), bench.epoch).await.expect("nothing to do");
    assert_eq!(bench.state(&execution).await.phase, Phase::Stopped);
    assert!(bench.repository.holding().await.expect("read").is_empty());
    assert_eq!(bench.facts(&execution, 2).await, ["queued", "finished"]);
}

#[tokio::test]
async fn one_key_makes_one_execution_however_often_it_comes() {
    let bench = Bench::new().await;
    let key = |body: &str| Some(Idempotency { digest: "d".into(), body_hash: body.into() });
    let answers = join_all((0..20).map(|_| bench.submit_as("small", 1, key("one")))).await;
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.as_ref().expect("accepted").stored.state.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|accepted| !accepted.replayed)).count(), 1);
    let other = bench.submit_as("small", 1, key("two")).await.expect_err("refused");
    assert_eq!(other.reason(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn an_attempt_that_we_end_closes_its_members_with_it() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let conditions = vec![Condition::LogIncomplete];
    let verdict = Verdict { reason: Reason::StartTimeout, conditions, log_last_seq: 0 };
    for _ in 0..2 {
        bench.ending().attempt(execution.id, 1, &verdict).await.expect("ended");
    }
    let ended = bench.state(&execution).await;
    assert_eq!((ended.phase, ended.reason), (Phase::Failed, Some(Reason::StartTimeout)));
    let claim = bench.claim(&member, "a").await.expect_err("refused");
    assert_eq!(claim.reason(), "MEMBER_CLOSED");
    assert_eq!(bench.facts(&execution, 3).await, ["queued", "admitted", "finished"]);
}

#[tokio::test]
async fn metrics_that_are_no_object_are_refused_and_the_end_holds() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    bench.reports().exit(&member, bench.outcome(Reason::Completed)).await.expect("taken");
    let metrics = Some(serde_json::json!({"m": "x".repeat(20_000)}));
    bench.reports().finished(&member, Closing { metrics, ..Closing::default() }).await.expect("taken");
    let ended = bench.state(&execution).await;
    assert_eq!((ended.phase, ended.metrics), (Phase::Succeeded, None));
    assert_eq!(ended.conditions, [Condition::MetricsRefused]);
    assert_eq!(ended.metrics_refusal, "they are more than an object of 16 KiB");
}

#[tokio::test]
async fn what_was_logged_is_kept_once_and_read_by_name() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    bench.reports().exit(&member, bench.outcome(Reason::Completed)).await.expect("taken");
    let (accuracy, loss) = (series("accuracy", &[0.5]), series("loss", &[2.0, 1.0]));
    let closing = Closing { series: vec![accuracy.clone(), loss.clone()], ..Closing::default() };
    let late = Closing { series: vec![series("late", &[0.0])], ..Closing::default() };
    for report in [closing.clone(), closing, late] {
        bench.reports().finished(&member, report).await.expect("taken");
    }
    let all = bench.reads().series(execution.id, &[]).await.expect("read");
    assert_eq!(all, [accuracy, loss.clone()]);
    let named = bench.reads().series(execution.id, &["late".into(), "loss".into()]).await.expect("read");
    assert_eq!(named, [loss]);
}

#[tokio::test]
async fn what_a_member_used_is_kept_beside_it_and_counted_at_the_end() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let said = |samples| Metered { member: member.clone(), ..metered(samples, 1) };
    let reports = bench.reports();
    let launched = Checkpoint { kind: Kind::UserCodeLaunched, at: bench.clock.now() };
    reports.checkpoints(&member, &[launched]).await.expect("taken");
    for samples in [2, 3, 1] {
        reports.usage(&said(samples)).await.expect("taken");
    }
    let seen = async |attempt| bench.reads().usage(&bench.state(&execution).await, attempt).await.expect("read");
    let running = seen(0).await.expect("an attempt");
    assert_eq!(running.members, [said(3)], "the later one stands");
    assert_eq!(running.in_all.and_then(|used| used.measured).map(|measured| measured.cpu_ms), Some(15_000));

    reports.exit(&member, bench.outcome(Reason::Completed)).await.expect("taken");
    for _ in 0..2 {
        let closing = Closing { metered: vec![said(4)], ..Closing::default() };
        reports.finished(&member, closing).await.expect("taken");
    }
    let late = reports.usage(&said(9)).await;
    assert!(matches!(late, Err(Error::AttemptOver)), "{late:?}");
    let used = bench.state(&execution).await.used;
    assert_eq!(used.and_then(|used| used.measured).map(|measured| measured.cpu_ms), Some(20_000), "once");
    let ended = seen(1).await.expect("an attempt");
    assert_eq!((ended.members, ended.in_all), (vec![said(4)], used));
    assert_eq!(seen(2).await, None);
}

#[tokio::test]
async fn an_attempt_that_we_end_counts_with_what_was_last_said() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let launched = Checkpoint { kind: Kind::UserCodeLaunched, at: bench.clock.now() };
    bench.reports().checkpoints(&member, &[launched]).await.expect("taken");
    bench.reports().usage(&Metered { member: member.clone(), ..metered(2, 1) }).await.expect("taken");
    let verdict = Verdict { reason: Reason::ShimLost, conditions: Vec::new(), log_last_seq: 0 };
    bench.ending().attempt(execution.id, 1, &verdict).await.expect("ended");
    let used = bench.state(&execution).await.used.and_then(|used| used.measured);
    assert_eq!(used.map(|measured| measured.cpu_ms), Some(10_000));
}

#[tokio::test]
async fn a_watcher_sees_every_phase_to_the_end_and_resumes() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let watches = Watches::new(bench.repository.clone());
    let mut all = Box::pin(watches.execution(execution.id, Version::ZERO));
    let first = all.next().await.expect("one").expect("read");
    assert_eq!(first.state.phase, Phase::Starting);
    bench.reports().exit(&member, bench.outcome(Reason::Completed)).await.expect("taken");
    assert_eq!(all.next().await.expect("one").expect("read").state.phase, Phase::Finishing);
    bench.reports().finished(&member, Closing::default()).await.expect("taken");
    let last = all.next().await.expect("one").expect("read");
    assert_eq!(last.state.phase, Phase::Succeeded);
    assert!(all.next().await.is_none());
    let resumed: Vec<_> = watches.execution(execution.id, first.version).collect().await;
    assert_eq!(resumed.len(), 1, "only what is newer, as it is now");
}

#[tokio::test]
async fn orders_follow_the_wish_and_end_with_the_member() {
    let bench = Bench::new().await;
    let (execution, member) = bench.admitted().await;
    let mut orders = Box::pin(Watches::new(bench.repository.clone()).orders(vec![member.clone()]));
    assert_eq!(orders.next().await.expect("one").expect("read").1, DesiredState::Run);
    bench.stop().execution(execution.id, false).await.expect("asked");
    assert_eq!(orders.next().await.expect("one").expect("read").1, DesiredState::StopAndKeep);
    bench.reports().exit(&member, bench.outcome(Reason::StoppedByUser)).await.expect("taken");
    bench.reports().finished(&member, Closing::default()).await.expect("taken");
    let rest: Vec<_> = orders.map(|order| order.expect("read").1).collect().await;
    assert_eq!(rest, [DesiredState::StopAndDiscard], "a closed member is wanted no more");
}

#[tokio::test]
async fn pages_are_newest_first_and_explain_counts_the_queue() {
    let bench = Bench::new().await;
    let executions = [bench.submit("small", 1).await, bench.submit("small", 1).await, bench.submit("small", 1).await];
    assert_eq!(bench.admit().await, 1);
    let reads = bench.reads();
    let page = reads.page(bench.project, &Listed::default(), None, 2).await.expect("read");
    let numbers: Vec<_> = page.items.iter().map(|stored| stored.state.number.0).collect();
    assert_eq!((numbers, page.next), (vec![3, 2], Some(2)));
    let stored = bench.repository.execution(executions[2].id).await.expect("read");
    let explanation = reads.explain(&stored).await.expect("explained");
    let (wait, standing) = explanation.wait.expect("it waits");
    assert_eq!((wait, standing.place, standing.waiting), (Wait::TierFull, 2, 2));
    assert!(explanation.summary.contains("1 of 1 places"), "{}", explanation.summary);
}

fn limit(scope: LimitScope, running: Option<u32>, queued: Option<u32>, sequence: u64) -> Policy {
    let rule = Rule::Limit { scope, limit: Limit { running, queued } };
    Policy { id: scope.to_string(), seen: Seen { incarnation: 1, sequence }, rule }
}

#[tokio::test]
async fn a_full_queue_refuses_however_many_come_at_once() {
    let bench = Bench::new().await;
    bench.policies.take(limit(LimitScope::Project(bench.project), None, Some(5), 1)).await.expect("taken");
    let answers = join_all((0..20).map(|_| bench.submit_as("small", 1, None))).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused.len(), 15);
    for error in refused {
        assert_eq!((error.kind(), error.reason()), (ErrorKind::QuotaExceeded, "QUOTA_QUEUE_PROJECT"));
        assert!(error.public_message().contains('5'), "{}", error.public_message());
    }
    bench.admit().await;
    bench.submit("small", 1).await;
}

#[tokio::test]
async fn a_changed_limit_is_felt_at_once_and_an_old_one_is_not_taken() {
    let bench = Bench::new().await;
    let scope = LimitScope::Project(bench.project);
    assert!(bench.policies.take(limit(scope, Some(1), None, 2)).await.expect("taken"));
    for _ in 0..3 {
        bench.submit("small", 10).await;
    }
    assert_eq!(bench.admit().await, 1);
    let waiting = bench.repository.queue().await.expect("read").remove(0);
    let stored = bench.repository.execution(waiting.id).await.expect("read");
    let explanation = bench.reads().explain(&stored).await.expect("explained");
    let (wait, _) = explanation.wait.expect("it waits");
    assert_eq!(wait, Wait::Limit { full: Full::Project, held: 1, limit: 1 });

    assert!(!bench.policies.take(limit(scope, None, None, 1)).await.expect("looked at"));
    assert_eq!(bench.admit().await, 0);
    assert!(bench.policies.take(limit(scope, Some(2), None, 3)).await.expect("taken"));
    assert_eq!(bench.admit().await, 1);
}

#[tokio::test]
async fn a_stale_leader_admits_nothing() {
    let bench = Bench::new().await;
    bench.submit("small", 1).await;
    let (publisher, clock) = (bench.publisher.clone(), Arc::clone(&bench.clock));
    let store = Store::connect(&bench.config, bench.source.clone(), publisher, clock).await.expect("connected");
    let repository = Repository::open(store).await.expect("opened");
    bench.repository.store().clone().close().await;
    let epoch = repository.lease().acquired().await.expect("given back");
    let waiting = WaitingRoom::default();
    waiting.replace(repository.queue().await.expect("read"));
    let admission = Admission { repository: repository.clone(), ..bench.admission(&waiting) };
    let error = admission.batch(&mut BTreeMap::new(), bench.epoch).await.expect_err("refused");
    assert!(matches!(error, Error::Store(katonic_store::StoreError::LeaseLost { .. })), "{error:?}");
    assert!(repository.holding().await.expect("read").is_empty());
    assert_eq!(admission.batch(&mut BTreeMap::new(), epoch).await.expect("admitted"), 1);
}
