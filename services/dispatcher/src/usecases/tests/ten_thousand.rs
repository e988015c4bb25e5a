//! Ten thousand queued jobs of mixed users, on the real store and a backend
//! that only says that nothing is left of what ended.

use std::{net::SocketAddr, ops::Range};

use katonic_domain::Name;
use tokio::sync::mpsc;

use super::*;
use crate::{
    backend::{Found, Order},
    domain::{
        admission::{Room, State, admit},
        limits::Limits,
        order::Turns,
        priority::Priority,
        queue::{Queue, Waiting},
        spec::{Group, JobForm},
        usage::Usage,
    },
    reconcile::plan::Presence,
};

const JOBS: usize = 10_000;
const USERS: usize = 10;
/// Writes at once.
const WIDTH: usize = 16;

/// Where nothing runs and everything is gone at once.
struct Nowhere;

#[async_trait::async_trait]
impl Backend for Nowhere {
    fn identities(&self) -> Option<Range<u32>> {
        None
    }

    async fn environment_digest(&self) -> Result<String, crate::backend::Error> {
        Ok("sha256:0".into())
    }

    async fn ensure(&self, _: Order<'_>) -> Result<(), crate::backend::Error> {
        Ok(())
    }

    async fn observe(&self, _: &MemberId) -> Result<Presence, crate::backend::Error> {
        Ok(Presence::Absent)
    }

    async fn observe_all(&self) -> Result<Vec<Found>, crate::backend::Error> {
        Ok(Vec::new())
    }

    fn watch(&self) -> Option<mpsc::Receiver<MemberId>> {
        None
    }

    async fn delete(&self, _: &crate::domain::member::Member) -> Result<(), crate::backend::Error> {
        Ok(())
    }

    fn endpoint(&self, _: &MemberId, _: u16) -> Option<SocketAddr> {
        None
    }

    fn remarks(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Whose the jobs are and how much may run.
struct Crowd {
    bench: Bench,
    users: Vec<UserId>,
    projects: Vec<ProjectId>,
    limits: Limits,
}

impl Crowd {
    /// Two tiers; the first user and the first project may run less than the others.
    async fn new() -> Self {
        let bench = Bench::over(Arc::new(Nowhere)).await;
        let users: Vec<UserId> = (0..USERS).map(|_| UserId::generate()).collect();
        let projects: Vec<ProjectId> = (0..4).map(|_| ProjectId::generate()).collect();
        let tier = |name: &str, max_running| Rule::Tier { name: name.parse().expect("a name"), max_running };
        let seen = Seen { incarnation: 1, sequence: 1 };
        let mut policies = vec![
            limit(LimitScope::User(users[0]), Some(2), None, 1),
            limit(LimitScope::Project(projects[0]), Some(10), None, 1),
            limit(LimitScope::Installation, Some(60), Some(u32::try_from(JOBS).expect("small")), 1),
        ];
        policies.extend([("a", 40), ("b", 30)].map(|(name, places)| Policy {
            id: name.into(),
            seen,
            rule: tier(name, places),
        }));
        for policy in policies {
            bench.policies.take(policy).await.expect("taken");
        }
        let limits = bench.policies.limits().await.expect("read");
        Self { bench, users, projects, limits: Limits::clone(&limits) }
    }

    async fn submit(&self, index: usize) {
        let tier = if index.is_multiple_of(3) { "b" } else { "a" };
        let mut pinned = spec(tier, 1);
        pinned.groups = vec![Group { role: "main".parse().expect("a name"), size: 1 }];
        let resolved = Resolved { tier: pinned.tier, input_commit: None, environment: pinned.environment };
        let priority = Priority::ALL[(index / 7) % 3];
        let request = JobForm { priority, ..form() }.check().expect("a valid form");
        let user = self.users[index % USERS];
        let project = self.projects[(index / USERS) % self.projects.len()];
        let submitted = self.bench.intake().accept(Submitter { user, project }, pin(request, resolved), None).await;
        submitted.expect("accepted");
    }

    async fn queue(&self) -> Queue {
        let mut queue = Queue::default();
        self.bench.repository.queue().await.expect("read").into_iter().for_each(|waiting| queue.insert(waiting));
        queue
    }

    async fn usage(&self) -> Usage {
        Usage::of_members(&self.bench.repository.holding().await.expect("read"))
    }

    /// Reports of a member what brings its execution to a phase.
    async fn bring(&self, member: &MemberId, phase: Phase) {
        let (bench, reports) = (&self.bench, self.bench.reports());
        let far = ADMITTED.iter().position(|(one, _)| *one == phase).expect("a phase of the way");
        if far >= 1 {
            let launched = Checkpoint { kind: Kind::UserCodeLaunched, at: bench.clock.now() };
            reports.checkpoints(member, &[launched]).await.expect("taken");
        }
        if far >= 2 {
            reports.exit(member, bench.outcome(Reason::Completed)).await.expect("taken");
        }
        if far >= 3 {
            reports.finished(member, Closing::default()).await.expect("taken");
        }
        assert_eq!(bench.repository.execution(member.execution).await.expect("read").state.phase, phase);
    }

    /// Ends one and frees its place.
    async fn end(&self, member: MemberId) {
        let verdict = Verdict { reason: Reason::Completed, conditions: Vec::new(), log_last_seq: 0 };
        self.bench.ending().attempt(member.execution, member.attempt, &verdict).await.expect("ended");
        self.bench.ending().release(&member).await.expect("released");
    }
}

async fn each<T, F: Future<Output = ()>>(all: impl IntoIterator<Item = T>, work: impl Fn(T) -> F) {
    futures::stream::iter(all).for_each_concurrent(WIDTH, work).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_are_admitted_in_order_and_within_every_limit() {
    let crowd = Crowd::new().await;
    let began = std::time::Instant::now();
    each(0..JOBS, |index| crowd.submit(index)).await;
    eprintln!("submitted {JOBS} in {:?}", began.elapsed());
    let one_more = crowd.bench.submit_as("a", 1, None).await.expect_err("refused");
    assert_eq!(one_more.reason(), "QUOTA_QUEUE_INSTALLATION");

    explained_right(&crowd).await;
    stopped_while_it_waits(&crowd).await;
    stopped_once_it_was_admitted(&crowd).await;
    let began = std::time::Instant::now();
    let (mut turns, mut queue) = (BTreeMap::new(), crowd.queue().await);
    let admission = crowd.bench.admission(&crowd.bench.waiting);
    let (mut shares, mut looks) = (BTreeMap::<UserId, u32>::new(), 0);
    while !queue.is_empty() {
        let before = crowd.usage().await;
        let expected = expected(&queue, &before, &crowd.limits, &turns);
        admission.batch(&mut turns, crowd.bench.epoch).await.expect("admitted");
        let holding = crowd.bench.repository.holding().await.expect("read");
        let after = Usage::of_members(&holding);
        within_limits(&crowd, &after);
        for id in &expected {
            queue.remove(*id).expect("it waited");
            assert!(holding.iter().any(|member| member.execution == *id), "{id} was to be admitted");
        }
        assert_eq!(after.all(), before.all() + u32::try_from(expected.len()).expect("small"), "and no other was");
        // Whoever still has much waiting is to hold as much as the others, over time.
        if queue.len() > JOBS / 2 {
            looks += 1;
            crowd.users.iter().for_each(|user| *shares.entry(*user).or_default() += after.of_user(*user));
        }
        // All that is full runs on; a quarter ends.
        let ends = holding.into_iter().map(|member| member.id).enumerate();
        let full = expected.is_empty() || after.all() >= 60;
        each(ends.filter(|(index, _)| full && index.is_multiple_of(4)).map(|(_, id)| id), |id| crowd.end(id)).await;
    }
    eprintln!("admitted and ended {JOBS} in {:?}", began.elapsed());
    eprintln!("places held by each, added up over {looks} looks: {:?}", shares.values().collect::<Vec<_>>());
    fair(&crowd, &shares);
}

/// What the pure rules say about what the store holds.
fn expected(
    queue: &Queue,
    usage: &Usage,
    limits: &Limits,
    turns: &BTreeMap<Name, Turns>,
) -> Vec<katonic_domain::ExecutionId> {
    admit(State { queue, usage, limits }, turns, Room { identities: None, executions: 32 }).chosen
}

fn within_limits(crowd: &Crowd, usage: &Usage) {
    for (tier, limit) in crowd.limits.tiers() {
        assert!(usage.of_tier(tier) <= limit, "{tier}");
    }
    assert!(usage.all() <= 60);
    assert!(usage.of_user(crowd.users[0]) <= 2);
    assert!(usage.of_project(crowd.projects[0]) <= 10);
}

/// Users without a limit of their own held the same over time, within 5 %.
fn fair(crowd: &Crowd, shares: &BTreeMap<UserId, u32>) {
    let given: Vec<u32> = crowd.users[1..].iter().map(|user| shares.get(user).copied().unwrap_or(0)).collect();
    let mean = f64::from(given.iter().sum::<u32>()) / f64::from(u32::try_from(given.len()).expect("few"));
    for share in &given {
        assert!((f64::from(*share) - mean).abs() <= mean * 0.05, "{given:?}");
    }
}

async fn explained_right(crowd: &Crowd) {
    let queue = crowd.queue().await;
    let began = std::time::Instant::now();
    let asked: Vec<Waiting> = queue.iter().step_by(JOBS / 20).cloned().collect();
    let mut places = BTreeSet::new();
    for waiting in &asked {
        let stored = crowd.bench.repository.execution(waiting.id).await.expect("read");
        let explanation = crowd.bench.reads().explain(&stored).await.expect("explained");
        let (_, standing) = explanation.wait.expect("it waits");
        let lines = queue.tier(&waiting.tier).expect("it waits");
        assert_eq!(usize::try_from(standing.waiting).ok(), Some(lines.values().map(BTreeSet::len).sum()));
        places.insert((waiting.tier.clone(), standing.place));
    }
    assert_eq!(places.len(), asked.len(), "no two stand at one place");
    eprintln!("explained {} among {JOBS} in {:?}", asked.len(), began.elapsed());
}

async fn stopped_while_it_waits(crowd: &Crowd) {
    let waiting = crowd.queue().await.iter().next().expect("one waits").clone();
    crowd.bench.stop().execution(waiting.id, false).await.expect("stopped");
    let stopped = crowd.bench.repository.execution(waiting.id).await.expect("read").state;
    assert_eq!(stopped.phase, Phase::Stopped);
    crowd.bench.waiting.see(&stopped);
}

/// Where one is that was admitted, and what a stop is to it then.
const ADMITTED: [(Phase, bool); 4] =
    [(Phase::Starting, true), (Phase::Running, true), (Phase::Finishing, false), (Phase::Succeeded, false)];

async fn stopped_once_it_was_admitted(crowd: &Crowd) {
    let bench = &crowd.bench;
    bench.admission(&bench.waiting).batch(&mut BTreeMap::new(), bench.epoch).await.expect("admitted");
    let members = bench.repository.holding().await.expect("read");
    assert!(members.len() >= ADMITTED.len(), "{}", members.len());
    for (member, (phase, taken)) in members.iter().zip(ADMITTED) {
        crowd.bring(&member.id, phase).await;
        let stopped = bench.stop().execution(member.execution, false).await;
        if !taken {
            let refused = stopped.expect_err("its outcome is fixed");
            assert_eq!(refused.reason(), "OUTCOME_FIXED", "{phase:?}");
            continue;
        }
        let asked = stopped.expect("asked").state;
        assert_eq!((asked.phase, asked.desired), (phase, DesiredState::StopAndKeep));
        bench.reports().exit(&member.id, bench.outcome(Reason::StoppedByUser)).await.expect("taken");
        bench.reports().finished(&member.id, Closing::default()).await.expect("taken");
        let ended = bench.repository.execution(member.execution).await.expect("read").state;
        assert_eq!((ended.phase, ended.reason), (Phase::Stopped, Some(Reason::StoppedByUser)));
    }
}
