//! What one that waits waits for: the first of everything that holds it back
//! which would have to change. Pure, over the state that admission decides upon.

use katonic_domain::Timestamp;

use crate::domain::{
    admission::State,
    queue::Waiting,
    standing::{Standing, standing},
    usage::{Full, Usage},
};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Who waits, and for which others still.
    pub waiting: &'a Waiting,
    /// Among whom, beside what, under which limits.
    pub state: State<'a>,
    /// Whether its outbox takes no new attempt (W3), and how many of its events wait.
    pub unpublished: Option<usize>,
    /// Members that the backend can give an identity to; none where all share one.
    pub identities: Option<usize>,
    /// Whether this platform is going down.
    pub stopping: bool,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The next start of the platform.
    Stopping,
    /// This time, after an attempt that failed.
    Resting(Timestamp),
    /// Other executions, which have not ended as they are to.
    Dependencies,
    /// The broker, which has not taken so many of its events.
    EventsWaiting(usize),
    /// A higher limit: it alone is more than this one allows.
    NeverFits {
        /// Which.
        full: Full,
        /// What it allows.
        limit: u32,
    },
    /// A place under a limit that is reached: not the tier's.
    Limit {
        /// Which.
        full: Full,
        /// How much is taken.
        held: u32,
        /// Of how much.
        limit: u32,
    },
    /// Executions of higher priority.
    HigherPriority,
    /// Executions of users who hold fewer places of the tier.
    FairShare,
    /// A place of its tier.
    TierFull,
    /// An identity that the backend can give it.
    BackendFull,
    /// Nothing: it is about to be admitted.
    Nothing,
}

/// What it waits for, and where it stands meanwhile.
pub fn find(situation: &Situation<'_>) -> (Wait, Standing) {
    // Whoever rests or waits for others stands in no line.
    if let Some(until) = situation.waiting.rests_until.filter(|_| !situation.stopping) {
        return (Wait::Resting(until), Standing::default());
    }
    if !situation.waiting.after.is_empty() && !situation.stopping {
        return (Wait::Dependencies, Standing::default());
    }
    let standing = standing(situation.state, situation.waiting);
    (why(situation, &standing), standing)
}

fn why(situation: &Situation<'_>, standing: &Standing) -> Wait {
    let Situation { waiting, state, unpublished, identities, stopping } = *situation;
    let State { usage, limits, .. } = state;
    if stopping {
        return Wait::Stopping;
    }
    if let Some(events) = unpublished {
        return Wait::EventsWaiting(events);
    }
    if let Some(full) = Usage::default().passed_by(waiting, limits).next() {
        let limit = usage.against(full, waiting, limits).1.unwrap_or(u32::MAX);
        return Wait::NeverFits { full, limit };
    }
    if let Some(full) = usage.passed_by(waiting, limits).find(|full| *full != Full::Tier) {
        let (held, limit) = usage.against(full, waiting, limits);
        return Wait::Limit { full, held, limit: limit.unwrap_or(u32::MAX) };
    }
    let (held, limit) = usage.against(Full::Tier, waiting, limits);
    let free = limit.unwrap_or(u32::MAX).saturating_sub(held);
    // Those before it are counted as one place each: no job has more members yet.
    if standing.ahead.all().saturating_add(waiting.members) > free {
        return tier(standing);
    }
    let needed = usize::try_from(waiting.members).unwrap_or(usize::MAX);
    if identities.is_some_and(|identities| identities < needed) { Wait::BackendFull } else { Wait::Nothing }
}

const fn tier(standing: &Standing) -> Wait {
    if standing.ahead.higher_priority > 0 {
        Wait::HigherPriority
    } else if standing.ahead.smaller_share > 0 {
        Wait::FairShare
    } else {
        Wait::TierFull
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::{Limit, LimitScope};

    use super::*;
    use crate::domain::{
        dependency::tests::on,
        execution::tests::at,
        limits::Limits,
        priority::Priority,
        queue::tests::{queue_of, tier, waiting},
    };

    /// A tier `a` of two places, one of them taken by a stranger.
    struct Bench {
        own: Waiting,
        others: Vec<Waiting>,
        usage: Usage,
        limits: Limits,
    }

    impl Bench {
        fn new() -> Self {
            let mut bench =
                Self { own: waiting("a", 10), others: Vec::new(), usage: Usage::default(), limits: Limits::default() };
            bench.limits.set_tier(tier("a"), 2);
            bench.usage.add_waiting(&waiting("a", 0));
            bench
        }

        fn full() -> Self {
            let mut bench = Self::new();
            bench.usage.add_waiting(&waiting("a", 0));
            bench
        }

        fn with(self, other: Waiting) -> Self {
            Self { others: [self.others, vec![other]].concat(), ..self }
        }

        fn limited(mut self, scope: LimitScope, running: u32) -> Self {
            self.limits.set(scope, Limit { running: Some(running), queued: None });
            self
        }

        fn why(&self, change: impl FnOnce(&mut Situation<'_>)) -> Wait {
            let queue = queue_of(&[&self.others[..], std::slice::from_ref(&self.own)].concat());
            let state = State { queue: &queue, usage: &self.usage, limits: &self.limits };
            let mut situation =
                Situation { waiting: &self.own, state, unpublished: None, identities: None, stopping: false };
            change(&mut situation);
            find(&situation).0
        }
    }

    #[test]
    fn each_kind_of_wait_is_found() {
        let bench = Bench::new();
        assert_eq!(bench.why(|_| {}), Wait::Nothing);
        assert_eq!(bench.why(|situation| situation.stopping = true), Wait::Stopping);
        assert_eq!(bench.why(|situation| situation.unpublished = Some(48)), Wait::EventsWaiting(48));
        let rests = Bench { own: Waiting { rests_until: Some(at(60)), ..waiting("a", 10) }, ..Bench::new() };
        assert_eq!(rests.why(|_| {}), Wait::Resting(at(60)));
        let held = Bench { own: Waiting { after: vec![on(bench.own.id)], ..waiting("a", 10) }, ..Bench::new() };
        assert_eq!(held.why(|_| {}), Wait::Dependencies);
        assert_eq!(held.why(|situation| situation.stopping = true), Wait::Stopping);
        assert_eq!(bench.why(|situation| situation.identities = Some(0)), Wait::BackendFull);
        assert_eq!(bench.why(|situation| situation.identities = Some(1)), Wait::Nothing);
        assert_eq!(Bench::full().why(|_| {}), Wait::TierFull);
        let high = Waiting { priority: Priority::High, ..waiting("a", 20) };
        assert_eq!(Bench::full().with(high).why(|_| {}), Wait::HigherPriority);
    }

    #[test]
    fn a_free_place_is_not_for_who_has_others_before_them() {
        assert_eq!(Bench::new().with(waiting("a", 1)).why(|_| {}), Wait::TierFull);
    }

    #[test]
    fn whoever_holds_places_already_waits_for_those_who_hold_fewer() {
        let mut bench = Bench::new();
        bench.usage.add_waiting(&Waiting { owner: bench.own.owner, ..waiting("a", 0) });
        assert_eq!(bench.with(waiting("a", 50)).why(|_| {}), Wait::FairShare);
    }

    #[test]
    fn a_limit_of_ones_own_is_named_before_a_full_tier() {
        let mut bench = Bench::full();
        bench.usage.add_waiting(&Waiting { owner: bench.own.owner, project: bench.own.project, ..waiting("b", 0) });
        let (user, project) = (LimitScope::User(bench.own.owner), LimitScope::Project(bench.own.project));
        let reached = |full| Wait::Limit { full, held: 1, limit: 1 };
        let bench = bench.limited(user, 1);
        assert_eq!(bench.why(|_| {}), reached(Full::User));
        assert_eq!(bench.limited(project, 1).why(|_| {}), reached(Full::Project));
        let all = Bench::full().limited(LimitScope::Installation, 2);
        assert_eq!(all.why(|_| {}), Wait::Limit { full: Full::Installation, held: 2, limit: 2 });
    }

    #[test]
    fn one_that_can_never_run_under_its_limits_is_told_so() {
        let bench = Bench::new().limited(LimitScope::Users, 0);
        assert_eq!(bench.why(|_| {}), Wait::NeverFits { full: Full::User, limit: 0 });
    }
}
