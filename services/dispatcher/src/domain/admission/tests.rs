//! The promises of admission, on examples and on whatever proptest thinks of.

use katonic_domain::{Limit, LimitScope as Scope};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    order::PATIENCE,
    priority::Priority,
    queue::tests::{queue_of, tier, waiting},
};

const MANY: Room = Room { identities: None, executions: 10_000 };

fn admitted(all: &[Waiting], usage: &Usage, limits: &Limits) -> Vec<ExecutionId> {
    let queue = queue_of(all);
    admit(State { queue: &queue, usage, limits }, &BTreeMap::new(), MANY).chosen
}

fn tiers(limits: &[(&str, u32)]) -> Limits {
    let mut all = Limits::default();
    limits.iter().for_each(|(name, max_running)| all.set_tier(tier(name), *max_running));
    all
}

fn used(all: &[Waiting]) -> Usage {
    let mut usage = Usage::default();
    all.iter().for_each(|waiting| usage.add_waiting(waiting));
    usage
}

fn running(count: u32) -> Limit {
    Limit { running: Some(count), queued: None }
}

#[test]
fn of_equals_the_oldest_comes_first_up_to_the_tiers_limit() {
    let queue = [waiting("a", 3), waiting("a", 1), waiting("a", 2)];
    let by_age = [queue[1].id, queue[2].id];
    assert_eq!(admitted(&queue, &Usage::default(), &tiers(&[("a", 2)])), by_age);
    assert_eq!(admitted(&queue, &used(&[waiting("a", 0)]), &tiers(&[("a", 2)])), by_age[..1]);
    assert_eq!(admitted(&queue, &used(&[waiting("a", 0)]), &tiers(&[("a", 1)])), []);
}

#[test]
fn a_higher_priority_comes_before_an_older_one() {
    let mut queue = [waiting("a", 1), waiting("a", 2), waiting("a", 3)];
    queue[1].priority = Priority::High;
    queue[0].priority = Priority::Low;
    let order = [queue[1].id, queue[2].id, queue[0].id];
    assert_eq!(admitted(&queue, &Usage::default(), &Limits::default()), order);
}

#[test]
fn a_lower_priority_is_passed_over_only_so_often() {
    let mut queue: Vec<_> =
        (0..20).map(|second| Waiting { priority: Priority::High, ..waiting("a", second) }).collect();
    queue.push(waiting("a", 100));
    queue.push(Waiting { priority: Priority::Low, ..waiting("a", 100) });
    let order = admitted(&queue, &Usage::default(), &Limits::default());
    let place = |index: usize| order.iter().position(|id| *id == queue[index].id);
    assert_eq!(place(20), Some(usize::from(PATIENCE)));
    assert_eq!(place(21), Some(usize::from(PATIENCE) + 1), "the lowest has its turn then");
}

#[test]
fn turns_are_remembered_from_one_round_to_the_next() {
    let mut queue = queue_of(&[Waiting { priority: Priority::Low, ..waiting("a", 0) }]);
    let mut turns = BTreeMap::new();
    let mut admitted_low = None;
    for round in 0..2 * PATIENCE {
        queue.insert(Waiting { priority: Priority::High, ..waiting("a", 1) });
        let (usage, limits) = (Usage::default(), tiers(&[("a", 1)]));
        let given = admit(State { queue: &queue, usage: &usage, limits: &limits }, &turns, MANY);
        turns = given.turns;
        let gone = given.chosen.first().and_then(|id| queue.remove(*id)).expect("one is admitted each round");
        admitted_low = admitted_low.or((gone.priority == Priority::Low).then_some(round));
    }
    assert_eq!(admitted_low, Some(PATIENCE));
}

#[test]
fn the_user_with_the_smallest_share_comes_before_an_older_one() {
    let (many, few) = (waiting("a", 1), waiting("a", 50));
    let mut queue: Vec<_> = (0..10).map(|second| Waiting { owner: many.owner, ..waiting("a", second) }).collect();
    queue.extend((50..53).map(|second| Waiting { owner: few.owner, ..waiting("a", second) }));
    let order = admitted(&queue, &Usage::default(), &tiers(&[("a", 6)]));
    let of = |owner| order.iter().filter(|id| queue.iter().any(|w| w.id == **id && w.owner == owner)).count();
    assert_eq!((of(many.owner), of(few.owner)), (3, 3));
    // What they hold already counts.
    let held = used(&[Waiting { owner: few.owner, ..waiting("a", 0) }]);
    let first = admitted(&queue, &held, &tiers(&[("a", 2)]));
    assert_eq!(first, [queue[0].id]);
}

#[test]
fn between_equals_places_go_round_and_newcomers_come_last() {
    let (early, late) = (waiting("a", 1), waiting("a", 50));
    let of = |owner: &Waiting, second| Waiting { owner: owner.owner, ..waiting("a", second) };
    let mut queue = queue_of(&[of(&early, 1), of(&early, 2), of(&early, 3), of(&late, 50), of(&late, 51)]);
    let mut turns = BTreeMap::new();
    let mut served = Vec::new();
    while !queue.is_empty() {
        let (usage, limits) = (Usage::default(), tiers(&[("a", 1)]));
        let given = admit(State { queue: &queue, usage: &usage, limits: &limits }, &turns, MANY);
        turns = given.turns;
        served.push(given.chosen.first().and_then(|id| queue.remove(*id)).expect("one is admitted each round").owner);
        if served.len() < 3 {
            queue.insert(waiting("a", 0));
        }
    }
    let known = |owner: &&UserId| [early.owner, late.owner].contains(owner);
    assert_eq!(
        served.iter().filter(known).collect::<Vec<_>>(),
        [&early.owner, &late.owner, &early.owner, &late.owner, &early.owner]
    );
    assert_eq!(served[..2], [early.owner, late.owner], "newcomers overtake nobody");
}

#[test]
fn a_share_counts_in_its_own_tier_only() {
    let (busy, idle) = (waiting("a", 1), waiting("a", 2));
    let held = used(&[Waiting { owner: busy.owner, ..waiting("b", 0) }]);
    assert_eq!(admitted(&[busy.clone(), idle], &held, &tiers(&[("a", 1)])), [busy.id]);
}

#[test]
fn whoever_is_at_a_limit_of_their_own_holds_nobody_back() {
    let (user, project) = (waiting("a", 1), waiting("a", 2));
    let (other, elsewhere) = (waiting("a", 3), Waiting { owner: project.owner, ..waiting("a", 4) });
    let mut limits = Limits::default();
    limits.set(Scope::User(user.owner), running(0));
    limits.set(Scope::Project(project.project), running(1));
    let held = used(&[Waiting { project: project.project, ..waiting("b", 0) }]);
    let queue = [user, project, other.clone(), elsewhere.clone()];
    assert_eq!(admitted(&queue, &held, &limits), [other.id, elsewhere.id]);
}

#[test]
fn a_full_tier_does_not_hold_back_another() {
    let queue = [waiting("a", 1), waiting("b", 2)];
    assert_eq!(admitted(&queue, &used(&[waiting("a", 0)]), &tiers(&[("a", 1)])), [queue[1].id]);
}

#[test]
fn one_that_does_not_fit_yet_is_not_overtaken_under_its_limit() {
    let large = Waiting { members: 3, ..waiting("a", 1) };
    let (small, other) = (waiting("a", 2), waiting("b", 3));
    let queue = [large.clone(), small, other.clone()];
    assert_eq!(admitted(&queue, &used(&[waiting("a", 0)]), &tiers(&[("a", 3)])), [other.id]);
    // Its user's limit: only that user waits for it.
    let own = Waiting { owner: large.owner, ..waiting("a", 4) };
    let mut limits = Limits::default();
    limits.set(Scope::Users, running(3));
    let held = used(&[Waiting { owner: large.owner, ..waiting("c", 0) }]);
    let free = waiting("a", 5);
    assert_eq!(admitted(&[large, own, free.clone()], &held, &limits), [free.id]);
}

#[test]
fn one_that_could_never_fit_is_passed_over() {
    let queue = [Waiting { members: 3, ..waiting("a", 1) }, waiting("a", 2)];
    assert_eq!(admitted(&queue, &Usage::default(), &tiers(&[("a", 2)])), [queue[1].id]);
}

#[test]
fn scarce_identities_go_round_the_tiers() {
    let mut all: Vec<_> = (0..4).map(|second| waiting("a", second)).collect();
    all.push(waiting("b", 9));
    let queue = queue_of(&all);
    let state = State { queue: &queue, usage: &Usage::default(), limits: &Limits::default() };
    let given = admit(state, &BTreeMap::new(), Room { identities: Some(2), executions: 100 });
    assert_eq!(given.chosen, [all[0].id, all[4].id]);
}

/// A small world: few tiers, users and projects, so that limits meet.
#[derive(Debug, Clone)]
struct World {
    waiting: Vec<Waiting>,
    held: Vec<Waiting>,
    limits: Limits,
}

fn world(largest: u32) -> impl Strategy<Value = World> {
    let ids = Just(()).prop_map(|()| {
        let users: Vec<UserId> = (0..4).map(|_| UserId::generate()).collect();
        let projects: Vec<ProjectId> = (0..3).map(|_| ProjectId::generate()).collect();
        (users, projects)
    });
    let one = (0..2_usize, 0..4_usize, 0..3_usize, 1..=largest, 0..3_usize, 0..50_i64);
    let many = |count| prop::collection::vec(one.clone(), 0..count);
    let caps = prop::collection::vec(prop::option::of(0..6_u32), 4);
    (ids, many(40), many(6), caps, 1..8_u32).prop_map(|((users, projects), queue, held, caps, places)| {
        let made = |(name, user, project, members, priority, second): (usize, usize, usize, u32, usize, i64)| Waiting {
            owner: users[user],
            project: projects[project],
            members,
            priority: Priority::ALL[priority],
            ..waiting(["a", "b"][name], second)
        };
        let mut limits = tiers(&[("a", places), ("b", 2)]);
        let scopes = [Scope::Users, Scope::Projects, Scope::User(users[0]), Scope::Installation];
        for (scope, running) in scopes.into_iter().zip(caps) {
            limits.set(scope, Limit { running, queued: None });
        }
        let [waiting, held] = [queue, held].map(|all| all.into_iter().map(&made).collect());
        World { waiting, held, limits }
    })
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed(world in world(3), identities in 0..10_usize) {
        let (queue, before) = (queue_of(&world.waiting), used(&world.held));
        let state = State { queue: &queue, usage: &before, limits: &world.limits };
        let given = admit(state, &BTreeMap::new(), Room { identities: Some(identities), executions: 100 });
        let mut usage = before.clone();
        for id in &given.chosen {
            let waiting = queue.get(*id).expect("it waits");
            prop_assert_eq!(usage.passed_by(waiting, &world.limits).next(), None);
            usage.add_waiting(waiting);
        }
        prop_assert!(usage.all() - before.all() <= u32::try_from(identities).expect("small"));
    }

    #[test]
    fn the_answer_depends_on_the_queue_and_not_on_how_it_came_about(world in world(3)) {
        let usage = used(&world.held);
        let backwards: Vec<Waiting> = world.waiting.iter().rev().cloned().collect();
        let answers = [&world.waiting, &backwards].map(|all| admitted(all, &usage, &world.limits));
        prop_assert_eq!(&answers[0], &answers[1]);
    }

    #[test]
    fn nothing_idles_while_something_fits(world in world(1)) {
        let mut usage = used(&world.held);
        let chosen = admitted(&world.waiting, &usage, &world.limits);
        let (gone, left): (Vec<_>, Vec<_>) = world.waiting.iter().partition(|waiting| chosen.contains(&waiting.id));
        gone.into_iter().for_each(|waiting| usage.add_waiting(waiting));
        for waiting in left {
            prop_assert!(usage.passed_by(waiting, &world.limits).next().is_some(), "{:?} fits", waiting.id);
        }
    }

    /// A place at a time, while others of every priority keep coming from old and new users.
    #[test]
    fn nobody_starves(
        ahead in prop::collection::vec(0..3_usize, 0..20),
        coming in prop::collection::vec((0..3_usize, any::<bool>()), 400),
        priority in 0..3_usize,
    ) {
        let own = Waiting { priority: Priority::ALL[priority], ..waiting("a", 100) };
        let mut queue = queue_of(std::slice::from_ref(&own));
        for priority in &ahead {
            queue.insert(Waiting { priority: Priority::ALL[*priority], ..waiting("a", 1) });
        }
        let crowd = UserId::generate();
        let mut turns = BTreeMap::new();
        let bound = (ahead.len() + 1) * (usize::from(PATIENCE) + 2);
        for (round, (priority, new)) in coming.into_iter().enumerate().take(bound) {
            let owner = if new { UserId::generate() } else { crowd };
            let second = 200 + i64::try_from(round).expect("small");
            queue.insert(Waiting { priority: Priority::ALL[priority], owner, ..waiting("a", second) });
            let (usage, limits) = (Usage::default(), tiers(&[("a", 1)]));
            let given = admit(State { queue: &queue, usage: &usage, limits: &limits }, &turns, MANY);
            turns = given.turns;
            given.chosen.iter().for_each(|id| drop(queue.remove(*id)));
        }
        prop_assert_eq!(queue.get(own.id), None, "it still waits");
    }

    /// Users who always have something waiting hold the same number of places, but for one.
    #[test]
    fn shares_become_equal(backlogs in prop::collection::vec(12..30_usize, 2..5), places in 4..12_u32) {
        let mut all = Vec::new();
        let users: Vec<UserId> = backlogs.iter().map(|_| UserId::generate()).collect();
        for (owner, backlog) in users.iter().zip(&backlogs) {
            all.extend((0..*backlog).map(|second| {
                Waiting { owner: *owner, ..waiting("a", i64::try_from(second).expect("small")) }
            }));
        }
        let mut usage = Usage::default();
        let chosen = admitted(&all, &usage, &tiers(&[("a", places)]));
        all.iter().filter(|waiting| chosen.contains(&waiting.id)).for_each(|waiting| usage.add_waiting(waiting));
        let shares: Vec<u32> = users.iter().map(|user| usage.share(&tier("a"), *user)).collect();
        let (least, most) = (shares.iter().min().expect("users"), shares.iter().max().expect("users"));
        prop_assert!(most - least <= 1, "{:?}", shares);
        prop_assert_eq!(usage.all(), places);
    }
}
