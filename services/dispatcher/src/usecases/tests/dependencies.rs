//! Who waits for others: held, let go, given up, refused.

use katonic_domain::ExecutionId;

use super::*;
use crate::{
    domain::{
        dependency::{Condition as How, Dependency, tests::on},
        edit::Edit,
        queue::Queue,
        spec::JobForm,
    },
    usecases::{edit::Edits, give_up::GivingUp},
};

async fn submit_to(bench: &Bench, project: ProjectId, after: &[Dependency]) -> Result<Execution, Error> {
    let pinned = spec("small", 10);
    let resolved = Resolved { tier: pinned.tier, input_commit: None, environment: pinned.environment };
    let request = JobForm { after: after.to_vec(), ..form() }.check()?;
    let submitter = Submitter { user: UserId::generate(), project };
    Ok(bench.intake().accept(submitter, pin(request, resolved), None).await?.stored.state)
}

async fn submit(bench: &Bench, after: &[Dependency]) -> Execution {
    submit_to(bench, bench.project, after).await.expect("accepted")
}

/// Admits what fits of the queue as it is seen; answers how many.
async fn admit(bench: &Bench, waiting: &WaitingRoom) -> usize {
    bench.admission(waiting).batch(&mut BTreeMap::new(), bench.epoch).await.expect("admitted")
}

async fn end(bench: &Bench, execution: &Execution, reason: Reason) {
    let verdict = Verdict { reason, conditions: Vec::new(), log_last_seq: 0 };
    bench.ending().attempt(execution.id, 1, &verdict).await.expect("ended");
    bench.waiting.see(&bench.state(execution).await);
}

async fn give_up(bench: &Bench, waiting: &WaitingRoom) -> usize {
    GivingUp { ending: bench.ending(), waiting: waiting.clone() }.round().await
}

#[tokio::test]
async fn a_chain_is_admitted_one_after_the_other() {
    let bench = Bench::new().await;
    let queue = &bench.waiting;
    let first = submit(&bench, &[]).await;
    let second = submit(&bench, &[on(first.id)]).await;
    let third = submit(&bench, &[on(second.id)]).await;
    for execution in [&first, &second, &third] {
        assert_eq!((admit(&bench, queue).await, admit(&bench, queue).await), (1, 0));
        assert_eq!(bench.state(execution).await.phase, Phase::Starting);
        if execution.id == first.id {
            let stored = bench.repository.execution(third.id).await.expect("read");
            let explanation = bench.reads().explain(&stored).await.expect("explained");
            assert_eq!(explanation.wait.map(|(wait, _)| wait), Some(Wait::Dependencies));
            let open: Vec<_> = explanation.open.iter().map(|open| (open.awaited.id, open.awaited.phase)).collect();
            assert_eq!(open, [(second.id, Phase::Queued)]);
        }
        end(&bench, execution, Reason::Completed).await;
    }
    assert!(queue.look(Queue::is_empty));
}

#[tokio::test]
async fn a_failure_ends_who_waits_for_success_and_theirs_in_turn() {
    let bench = Bench::new().await;
    let queue = &bench.waiting;
    let first = submit(&bench, &[]).await;
    let second = submit(&bench, &[on(first.id)]).await;
    let third = submit(&bench, &[on(second.id)]).await;
    let patient = submit(&bench, &[Dependency { condition: How::Ended, ..on(third.id) }]).await;
    assert_eq!((admit(&bench, queue).await, give_up(&bench, queue).await), (1, 0));
    end(&bench, &first, Reason::ExitCode).await;
    for ended in [1, 1, 0] {
        assert_eq!(give_up(&bench, queue).await, ended);
    }
    for (execution, failed) in [(&second, &first), (&third, &second)] {
        let ended = bench.state(execution).await;
        assert_eq!((ended.phase, ended.reason), (Phase::Failed, Some(Reason::DependencyFailed)));
        assert_eq!(ended.failed_dependency, Some(failed.id));
        assert_eq!(bench.facts(execution, 2).await, ["queued", "finished"]);
    }
    assert_eq!(admit(&bench, queue).await, 1);
    assert_eq!(bench.state(&patient).await.phase, Phase::Starting);
}

#[tokio::test]
async fn a_queue_that_is_read_anew_finds_what_ended_before() {
    let bench = Bench::new().await;
    let [succeeded, failed] = [submit(&bench, &[]).await, submit(&bench, &[]).await];
    assert_eq!(admit(&bench, &bench.waiting).await, 2);
    let [glad, vain] = [submit(&bench, &[on(succeeded.id)]).await, submit(&bench, &[on(failed.id)]).await];
    for (execution, reason) in [(&succeeded, Reason::Completed), (&failed, Reason::ShimLost)] {
        let verdict = Verdict { reason, conditions: Vec::new(), log_last_seq: 0 };
        bench.ending().attempt(execution.id, 1, &verdict).await.expect("ended");
    }
    let queue = WaitingRoom::default();
    queue.replace(bench.repository.queue().await.expect("read"));
    let unknown = queue.look(|queue| queue.unknown(queue.held().ids()));
    assert_eq!(unknown, BTreeSet::from([succeeded.id, failed.id]));
    queue.learn(&bench.repository.awaited(&unknown).await.expect("read"));
    assert_eq!((give_up(&bench, &queue).await, admit(&bench, &queue).await), (1, 1));
    assert_eq!(bench.state(&glad).await.phase, Phase::Starting);
    assert_eq!(bench.state(&vain).await.failed_dependency, Some(failed.id));
}

#[tokio::test]
async fn who_may_not_be_waited_for_is_named_and_another_projects_is_as_none() {
    let bench = Bench::new().await;
    let own = submit(&bench, &[]).await;
    let archived = submit(&bench, &[]).await;
    let archive = Edit { archived: Some(true), ..Edit::default() };
    Edits::new(bench.repository.clone()).execution(archived.id, &archive, "").await.expect("archived");
    let foreign = submit_to(&bench, ProjectId::generate(), &[]).await.expect("accepted");
    let unknown = ExecutionId::generate();
    let after = [own.id, archived.id, foreign.id, unknown].map(on);
    let error = submit_to(&bench, bench.project, &after).await.expect_err("refused");
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Invalid, "INVALID_ARGUMENT"));
    let wrong: Vec<_> = error.violations().into_iter().map(|wrong| (wrong.field, wrong.description)).collect();
    let expected = [
        format!("{} is archived", archived.id),
        format!("{} is no execution of this project", foreign.id),
        format!("{unknown} is no execution of this project"),
    ];
    assert_eq!(wrong, expected.map(|why| ("after".to_owned(), why)));
}
