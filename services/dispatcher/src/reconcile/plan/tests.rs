//! The table of deadlines (DESIGN 5), row by row, and that plans never do harm.

use super::*;
use crate::domain::{
    attempt::Outcome,
    execution::{
        Closing,
        tests::{at, queued, running},
    },
    member::tests::member_of,
};

const DEADLINES: Deadlines = Deadlines {
    queued: None,
    starting: Duration::from_secs(900),
    stop_margin: Duration::from_secs(20),
    lost: Duration::from_secs(30),
    finishing: Duration::from_secs(600),
};

/// One execution with its member, and what is seen of it.
struct Scene {
    execution: Execution,
    member: Member,
    presence: Presence,
    deadlines: Deadlines,
}

impl Scene {
    fn starting() -> Self {
        let mut execution = queued(1);
        execution.admit(at(1)).expect("admitted");
        Self::of(execution, Presence::Absent)
    }

    fn running() -> Self {
        Self::of(running(), Presence::Alive).claimed()
    }

    fn finishing() -> Self {
        let mut execution = running();
        execution.fix_outcome(1, Outcome::without_exit(Reason::ExitCode, at(3)), &[]).expect("fixed");
        Self::of(execution, Presence::Exited).claimed()
    }

    fn ended() -> Self {
        let mut scene = Self::finishing();
        scene.execution.close(1, Closing::default(), at(4)).expect("closed");
        scene.member.open = false;
        scene
    }

    fn of(execution: Execution, presence: Presence) -> Self {
        Self { member: member_of(&execution), execution, presence, deadlines: DEADLINES }
    }

    fn claimed(mut self) -> Self {
        self.member.nonce = Some("a".repeat(32).parse().expect("a nonce"));
        self
    }

    fn stopping(mut self) -> Self {
        self.execution.request_stop(DesiredState::StopAndKeep, at(3)).expect("stoppable");
        self
    }

    fn seen(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    /// The plan when everything is seen for so long.
    fn after(&self, elapsed: Duration) -> Vec<Action> {
        let since = Instant::now();
        let members = std::slice::from_ref(&self.member);
        let desired = Desired { execution: &self.execution, members, deadlines: &self.deadlines };
        let presences = vec![(self.member.id.clone(), self.presence)];
        let observed = Observed {
            phase_since: since,
            stop_since: (self.execution.desired != DesiredState::Run).then_some(since),
            lost_since: lost(&desired, &presences).then_some(since),
            members: presences,
        };
        plan(&desired, &observed, since + elapsed)
    }

    fn id(&self) -> MemberId {
        self.member.id.clone()
    }
}

fn end(reason: Reason, conditions: &[Condition]) -> Vec<Action> {
    vec![Action::End { reason, conditions: conditions.to_vec() }]
}

#[test]
fn a_queued_one_waits_for_ever_unless_the_installation_says_otherwise() {
    let mut scene = Scene::of(queued(1), Presence::Absent);
    assert_eq!(scene.after(Duration::from_hours(1000)), []);
    scene.deadlines.queued = Some(Duration::from_secs(60));
    assert_eq!(scene.after(Duration::from_secs(59)), [Action::LookAgain(Duration::from_secs(1))]);
    assert_eq!(scene.after(Duration::from_secs(60)), [Action::Refuse(Reason::QueueTimeout)]);
}

#[test]
fn an_admitted_member_is_ensured_until_it_is_there() {
    for presence in [Presence::Absent, Presence::Dead] {
        let scene = Scene::starting().seen(presence);
        let expected = [Action::Ensure(scene.id()), Action::LookAgain(DEADLINES.starting)];
        assert_eq!(scene.after(Duration::ZERO), expected);
    }
    let there = Scene::starting().seen(Presence::Alive);
    assert_eq!(there.after(Duration::ZERO), [Action::LookAgain(DEADLINES.starting)]);
}

#[test]
fn a_claimed_member_is_never_made_again() {
    for presence in [Presence::Absent, Presence::Dead] {
        let scene = Scene::starting().claimed().seen(presence);
        assert!(!scene.after(Duration::ZERO).contains(&Action::Ensure(scene.id())));
    }
}

#[test]
fn starting_has_a_deadline() {
    assert_eq!(Scene::starting().after(DEADLINES.starting), end(Reason::StartTimeout, &[]));
}

#[test]
fn running_has_none() {
    assert_eq!(Scene::running().after(Duration::from_hours(10_000)), []);
}

#[test]
fn a_stop_before_the_claim_ends_it_at_once() {
    assert_eq!(Scene::starting().stopping().after(Duration::ZERO), end(Reason::StoppedByUser, &[]));
}

#[test]
fn a_stop_of_user_code_is_the_shims_until_grace_and_margin_are_over() {
    let scene = Scene::running().stopping();
    let limit = scene.execution.spec.grace() + DEADLINES.stop_margin;
    assert_eq!(scene.after(Duration::ZERO), [Action::LookAgain(limit)]);
    assert_eq!(scene.after(limit), end(Reason::StoppedByUser, &[Condition::ResultsNotSaved]));
}

#[test]
fn a_lost_shim_is_its_agents_first_and_then_ours() {
    for presence in [Presence::Dead, Presence::Absent] {
        let scene = Scene::running().seen(presence);
        assert_eq!(scene.after(Duration::ZERO), [Action::LookAgain(DEADLINES.lost)]);
        assert_eq!(scene.after(DEADLINES.lost), end(Reason::ShimLost, &[Condition::ResultsNotSaved]));
    }
}

#[test]
fn an_exit_record_is_waited_for_and_never_called_lost() {
    assert_eq!(Scene::running().seen(Presence::Exited).after(Duration::from_hours(1)), []);
}

#[test]
fn finishing_has_a_deadline_and_keeps_the_fixed_reason() {
    let scene = Scene::finishing();
    assert_eq!(scene.after(Duration::ZERO), [Action::LookAgain(DEADLINES.finishing)]);
    let lossy = [Condition::ResultsNotSaved, Condition::LogIncomplete];
    assert_eq!(scene.after(DEADLINES.finishing), end(Reason::ExitCode, &lossy));
}

#[test]
fn a_closed_member_is_deleted_then_released_then_left_alone() {
    for presence in [Presence::Alive, Presence::Exited, Presence::Dead] {
        let scene = Scene::ended().seen(presence);
        assert_eq!(scene.after(Duration::ZERO), [Action::Delete(scene.id())]);
    }
    let mut gone = Scene::ended().seen(Presence::Absent);
    assert_eq!(gone.after(Duration::ZERO), [Action::Release(gone.id())]);
    gone.member.holding = false;
    assert_eq!(gone.after(Duration::ZERO), []);
}

#[test]
fn an_open_member_is_never_deleted() {
    let scenes = [Scene::starting(), Scene::running(), Scene::running().stopping(), Scene::finishing()];
    for scene in scenes {
        for presence in [Presence::Absent, Presence::Alive, Presence::Exited, Presence::Dead] {
            let scene = Scene { presence, execution: scene.execution.clone(), member: scene.member.clone(), ..scene };
            for elapsed in [0, 25, 1000, 1_000_000].map(Duration::from_secs) {
                let harmful = |action: &Action| matches!(action, Action::Delete(_) | Action::Release(_));
                assert!(!scene.after(elapsed).iter().any(harmful), "{:?} {presence:?}", scene.execution.phase);
            }
        }
    }
}
