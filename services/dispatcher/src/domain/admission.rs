//! Who is admitted next: oldest first within each tier, never beyond the
//! tier's `max_running` nor the identities that the backend can give.
//!
//! One that does not fit holds back those behind it in its tier, so that a
//! large one is not overtaken for ever; other tiers go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use katonic_domain::{ExecutionId, Name, Timestamp};

use crate::domain::execution::Execution;

/// An execution that waits to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The execution.
    pub id: ExecutionId,
    /// The tier that it waits for.
    pub tier: Name,
    /// How many members may hold that tier.
    pub max_running: u32,
    /// How many members it has.
    pub members: u32,
    /// Since when it waits.
    pub queued_at: Timestamp,
}

impl From<&Execution> for Waiting {
    fn from(execution: &Execution) -> Self {
        Self {
            id: execution.id,
            tier: execution.spec.tier.name.clone(),
            max_running: execution.spec.tier.max_running,
            members: execution.spec.member_count(),
            queued_at: execution.created_at,
        }
    }
}

impl Waiting {
    /// What the queue is sorted by: age, then id so that the order is total.
    pub const fn age_key(&self) -> (Timestamp, ExecutionId) {
        (self.queued_at, self.id)
    }
}

/// What is taken, as the sum of members that hold a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    holding: BTreeMap<Name, u32>,
    uids: BTreeSet<u32>,
}

impl Usage {
    /// Counts one member that holds a place.
    pub fn add(&mut self, tier: &Name, uid: Option<u32>) {
        *self.holding.entry(tier.clone()).or_default() += 1;
        self.uids.extend(uid);
    }

    /// How many members hold a tier.
    pub fn of(&self, tier: &Name) -> u32 {
        self.holding.get(tier).copied().unwrap_or(0)
    }

    /// The identities of a range that no member holds, lowest first.
    pub fn free_uids(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        range.filter(|uid| !self.uids.contains(uid))
    }

    fn fits(&self, waiting: &Waiting) -> bool {
        self.of(&waiting.tier).saturating_add(waiting.members) <= waiting.max_running
    }
}

/// Which of the queue are admitted now, at most `places` members in all.
pub fn admit(queue: &[Waiting], usage: &Usage, places: usize) -> Vec<ExecutionId> {
    let mut usage = usage.clone();
    let mut places = places;
    let mut full: BTreeSet<&Name> = BTreeSet::new();
    let mut admitted = Vec::new();
    let mut by_age: Vec<&Waiting> = queue.iter().collect();
    by_age.sort_by_key(|waiting| waiting.age_key());

    for waiting in by_age {
        let members = usize::try_from(waiting.members).unwrap_or(usize::MAX);
        if full.contains(&waiting.tier) {
            continue;
        }
        if members > places || !usage.fits(waiting) {
            full.insert(&waiting.tier);
            continue;
        }
        for _ in 0..waiting.members {
            usage.add(&waiting.tier, None);
        }
        places -= members;
        admitted.push(waiting.id);
    }
    admitted
}

/// Place in the queue of its tier, from 1; 0 where it does not wait.
pub fn queue_place(queue: &[Waiting], id: ExecutionId) -> u32 {
    let Some(own) = queue.iter().find(|waiting| waiting.id == id) else { return 0 };
    let ahead = queue.iter().filter(|other| other.tier == own.tier && other.age_key() < own.age_key()).count();
    u32::try_from(ahead + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::tests::at;

    fn waiting(tier: &str, second: i64, max_running: u32, members: u32) -> Waiting {
        let tier = tier.parse().expect("a name");
        Waiting { id: ExecutionId::generate(), tier, max_running, members, queued_at: at(second) }
    }

    fn used(tier: &str, members: u32) -> Usage {
        let mut usage = Usage::default();
        (0..members).for_each(|index| usage.add(&tier.parse().expect("a name"), Some(1000 + index)));
        usage
    }

    #[test]
    fn the_oldest_come_first_up_to_the_tiers_limit() {
        let queue = [waiting("a", 3, 2, 1), waiting("a", 1, 2, 1), waiting("a", 2, 2, 1)];
        assert_eq!(admit(&queue, &Usage::default(), 100), [queue[1].id, queue[2].id]);
        assert_eq!(admit(&queue, &used("a", 1), 100), [queue[1].id]);
        assert_eq!(admit(&queue, &used("a", 2), 100), []);
    }

    #[test]
    fn a_full_tier_does_not_hold_back_another() {
        let queue = [waiting("a", 1, 1, 1), waiting("b", 2, 1, 1)];
        assert_eq!(admit(&queue, &used("a", 1), 100), [queue[1].id]);
    }

    #[test]
    fn one_that_does_not_fit_is_not_overtaken_in_its_tier() {
        let queue = [waiting("a", 1, 3, 3), waiting("a", 2, 3, 1)];
        assert_eq!(admit(&queue, &used("a", 1), 100), []);
    }

    #[test]
    fn the_backends_places_are_a_limit_too() {
        let queue = [waiting("a", 1, 9, 1), waiting("a", 2, 9, 1), waiting("b", 3, 9, 1)];
        assert_eq!(admit(&queue, &Usage::default(), 1), [queue[0].id]);
    }

    #[test]
    fn an_identity_is_not_given_twice() {
        let free: Vec<u32> = used("a", 2).free_uids(1000..1004).collect();
        assert_eq!(free, [1002, 1003]);
    }

    #[test]
    fn places_count_the_own_tier_only() {
        let queue = [waiting("a", 1, 1, 1), waiting("b", 2, 1, 1), waiting("a", 3, 1, 1)];
        assert_eq!(queue_place(&queue, queue[2].id), 2);
        assert_eq!(queue_place(&queue, queue[1].id), 1);
        assert_eq!(queue_place(&queue, ExecutionId::generate()), 0);
    }
}
