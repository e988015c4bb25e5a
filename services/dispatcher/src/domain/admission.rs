//! Who is admitted now: each tier in its [order](crate::domain::order), never
//! beyond a limit. Pure: the same input is the same answer.
//!
//! - **No limit is passed**: of tier, user, project, installation, identities.
//! - **Nothing idles**: whoever is held back by a limit of their own holds back
//!   nobody else; a full tier holds back no other tier.
//! - **Nobody is overtaken for ever**: one that does not fit a limit yet holds
//!   back those behind it under that limit, so that its places gather. One that
//!   could not fit it even alone is passed over, and `explain` says so.
//! - **Between tiers** the one that holds the fewest places is next, which
//!   matters where identities or the installation's limit are short.

use std::collections::{BTreeMap, BTreeSet};

use katonic_domain::{ExecutionId, Name, ProjectId, UserId};

use crate::domain::{
    limits::Limits,
    order::{Next, Order, Turns},
    queue::{Queue, Waiting},
    usage::{Full, Usage, never_fits},
};

/// What is decided upon.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// All that waits.
    pub queue: &'a Queue,
    /// What is taken.
    pub usage: &'a Usage,
    /// What may be.
    pub limits: &'a Limits,
}

/// How many may be admitted at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Members that the backend can give an identity to; none where all share one.
    pub identities: Option<usize>,
    /// Executions: what fits in a transaction.
    pub executions: usize,
}

/// Who gets a place, in order, and whose turn it is in each tier after that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Who gets a place.
    pub chosen: Vec<ExecutionId>,
    /// Whose turn it is.
    pub turns: BTreeMap<Name, Turns>,
}

/// Who is admitted now.
pub fn admit(state: State<'_>, turns: &BTreeMap<Name, Turns>, room: Room) -> Given {
    let State { queue, usage, limits } = state;
    let mut usage = usage.clone();
    let mut gate = Gate::new(queue, limits);
    let mut identities = room.identities.unwrap_or(usize::MAX);
    let order = |(tier, lines)| (tier, Order::new(tier, lines, &usage, turns.get(tier).cloned().unwrap_or_default()));
    let mut orders: BTreeMap<&Name, Order<'_>> = queue.tiers().map(order).collect();
    let mut open: BTreeSet<&Name> = orders.keys().copied().collect();
    let mut given = Given { chosen: Vec::new(), turns: turns.clone() };

    while given.chosen.len() < room.executions {
        let Some(tier) = open.iter().copied().min_by_key(|tier| (usage.of_tier(tier), *tier)) else { break };
        let next = orders.get_mut(tier).map_or(Step::TierDone, |order| gate.next(order, &usage));
        let (next, waiting) = match next {
            Step::Give(next, waiting) => (next, waiting),
            Step::TierDone => {
                open.remove(tier);
                continue;
            }
            Step::AllDone => break,
        };
        let members = usize::try_from(waiting.members).unwrap_or(usize::MAX);
        // Those that come after it wait too: identities gather for it.
        let Some(left) = identities.checked_sub(members) else { break };
        identities = left;
        usage.add_waiting(waiting);
        given.chosen.push(waiting.id);
        if let Some(order) = orders.get_mut(tier) {
            order.take(next, waiting.members);
        }
    }
    given.turns.extend(orders.into_iter().map(|(tier, order)| (tier.clone(), order.into_turns())));
    given
}

/// What comes next in a tier.
pub(super) enum Step<'a> {
    /// This one gets a place.
    Give(Next, &'a Waiting),
    /// Nobody in this tier.
    TierDone,
    /// Nobody at all.
    AllDone,
}

/// Holds back who would pass a limit, and those behind them under that limit.
pub(super) struct Gate<'a> {
    queue: &'a Queue,
    limits: &'a Limits,
    users: BTreeSet<UserId>,
    projects: BTreeSet<ProjectId>,
}

impl<'a> Gate<'a> {
    pub(super) const fn new(queue: &'a Queue, limits: &'a Limits) -> Self {
        Self { queue, limits, users: BTreeSet::new(), projects: BTreeSet::new() }
    }

    /// The first of the order that no limit holds back.
    pub(super) fn next(&mut self, order: &mut Order<'_>, usage: &Usage) -> Step<'a> {
        while let Some(next) = order.peek() {
            let Some(waiting) = self.queue.get(next.age.1) else {
                order.skip(next);
                continue;
            };
            if self.users.contains(&waiting.owner) || self.projects.contains(&waiting.project) {
                order.drop_line(next);
                continue;
            }
            if self.is_full(waiting, usage) {
                return Step::TierDone;
            }
            if never_fits(waiting, self.limits) {
                order.skip(next);
                continue;
            }
            match usage.passed_by(waiting, self.limits).next() {
                None => return Step::Give(next, waiting),
                Some(Full::Project) => {
                    self.projects.insert(waiting.project);
                }
                Some(Full::User) => {
                    self.users.insert(waiting.owner);
                }
                Some(Full::Tier) => return Step::TierDone,
                Some(Full::Installation) => return Step::AllDone,
            }
        }
        Step::TierDone
    }

    fn is_full(&self, waiting: &Waiting, usage: &Usage) -> bool {
        let (held, limit) = usage.against(Full::Tier, waiting, self.limits);
        limit.is_some_and(|limit| held >= limit)
    }
}

#[cfg(test)]
mod tests;
