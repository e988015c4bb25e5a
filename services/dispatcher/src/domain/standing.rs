//! Where one that waits stands in its tier, found by giving places away as
//! admission would until its turn comes. Whose turn it is among equals only the
//! leader knows: here all begin anew, so that the place may be off by as many.

use crate::domain::{
    admission::{Gate, State, Step},
    order::{Next, Order, Turns},
    queue::Waiting,
};

/// Where one stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its place, from 1.
    pub place: u32,
    /// How many wait for its tier.
    pub waiting: u32,
    /// Who comes before it.
    pub ahead: Ahead,
}

/// Who comes before it, by why. Whoever is held back by a limit of their own does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Executions of a higher priority.
    pub higher_priority: u32,
    /// Of users who will hold fewer places of the tier then.
    pub smaller_share: u32,
    /// Of others, of the same priority and share, whose user got a place longer ago or who wait for longer.
    pub older: u32,
    /// Of its own user.
    pub own: u32,
    /// Of a lower priority, whose turn comes first.
    pub turns: u32,
}

impl Ahead {
    /// All of them.
    pub const fn all(&self) -> u32 {
        self.higher_priority + self.smaller_share + self.older + self.own + self.turns
    }
}

/// Where it stands, if its own limits do not hold it back when its turn comes.
pub fn standing(state: State<'_>, own: &Waiting) -> Standing {
    let Some(lines) = state.queue.tier(&own.tier) else { return Standing::default() };
    let waiting = lines.values().map(std::collections::BTreeSet::len).sum::<usize>();
    let limits = state.limits.lifted_for(own);
    let mut usage = state.usage.clone();
    let mut order = Order::new(&own.tier, lines, &usage, Turns::default());
    let mut gate = Gate::new(state.queue, &limits);
    let mut ahead = Ahead::default();
    while let Step::Give(next, given) = gate.next(&mut order, &usage) {
        if given.id == own.id {
            break;
        }
        *reason(&mut ahead, own, given, next, usage.share(&own.tier, own.owner)) += 1;
        usage.add_waiting(given);
        order.take(next, given.members);
    }
    Standing { place: ahead.all() + 1, waiting: u32::try_from(waiting).unwrap_or(u32::MAX), ahead }
}

fn reason<'a>(ahead: &'a mut Ahead, own: &Waiting, given: &Waiting, next: Next, own_share: u32) -> &'a mut u32 {
    if given.owner == own.owner {
        &mut ahead.own
    } else if given.priority > own.priority {
        &mut ahead.higher_priority
    } else if given.priority < own.priority {
        &mut ahead.turns
    } else if next.share < own_share {
        &mut ahead.smaller_share
    } else {
        &mut ahead.older
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use katonic_domain::{Limit, LimitScope as Scope};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        admission::{Room, admit},
        limits::Limits,
        priority::Priority,
        queue::tests::{queue_of, tier, waiting},
        usage::Usage,
    };

    fn stands(all: &[Waiting], usage: &Usage, limits: &Limits, own: &Waiting) -> Standing {
        standing(State { queue: &queue_of(all), usage, limits }, own)
    }

    #[test]
    fn each_who_comes_before_is_counted_by_why() {
        let own = waiting("a", 10);
        let mut usage = Usage::default();
        usage.add_waiting(&Waiting { owner: own.owner, ..waiting("a", 0) });
        let all = [
            own.clone(),
            Waiting { priority: Priority::High, ..waiting("a", 20) },
            waiting("a", 30),
            Waiting { owner: own.owner, ..waiting("a", 5) },
            Waiting { priority: Priority::Low, ..waiting("a", 1) },
            waiting("b", 1),
        ];
        let found = stands(&all, &usage, &Limits::default(), &own);
        assert_eq!(found.ahead, Ahead { higher_priority: 1, smaller_share: 1, older: 0, own: 1, turns: 0 });
        assert_eq!((found.place, found.waiting), (4, 5), "of its tier only");
    }

    #[test]
    fn whoever_is_held_back_does_not_come_before() {
        let (own, held_back) = (waiting("a", 10), waiting("a", 1));
        let mut limits = Limits::default();
        limits.set(Scope::User(held_back.owner), Limit { running: Some(0), queued: None });
        assert_eq!(stands(&[own.clone(), held_back], &Usage::default(), &limits, &own).place, 1);
    }

    proptest! {
        /// What is said is what then happens, a place at a time.
        #[test]
        fn the_place_is_when_it_is_admitted(
            others in prop::collection::vec((0..4_usize, 0..3_usize, 0..50_i64), 0..40),
            own in (0..4_usize, 0..3_usize, 0..50_i64),
        ) {
            let users: Vec<_> = (0..4).map(|_| katonic_domain::UserId::generate()).collect();
            let made = |(user, priority, second): (usize, usize, i64)| Waiting {
                owner: users[user],
                priority: Priority::ALL[priority],
                ..waiting("a", second)
            };
            let own = made(own);
            let mut all: Vec<Waiting> = others.into_iter().map(made).collect();
            all.push(own.clone());
            let mut limits = Limits::default();
            limits.set_tier(tier("a"), 0);
            let said = stands(&all, &Usage::default(), &limits, &own);

            let queue = queue_of(&all);
            limits.set_tier(tier("a"), 1000);
            let state = State { queue: &queue, usage: &Usage::default(), limits: &limits };
            let given = admit(state, &BTreeMap::new(), Room { identities: None, executions: 1000 });
            let place = given.chosen.iter().position(|id| *id == own.id).expect("admitted") + 1;
            prop_assert_eq!(usize::try_from(said.place).expect("small"), place);
        }
    }
}
