//! All that waits for a place, indexed by what admission asks: by tier, and
//! there by priority, user and project, oldest first.
//!
//! Those that rest until they are tried again, and those that wait for others to
//! end, count and stand in no line.
//!
//! Must hold: both indexes and the counts name the same executions.

use std::collections::{BTreeMap, BTreeSet};

use katonic_domain::{ExecutionId, Name, ProjectId, Timestamp, UserId};

use crate::domain::{dependency::Dependency, execution::Execution, held::Held, phase::Phase, priority::Priority};

/// An execution that waits to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The execution.
    pub id: ExecutionId,
    /// Its project.
    pub project: ProjectId,
    /// Who launched it.
    pub owner: UserId,
    /// The tier that it waits for.
    pub tier: Name,
    /// How many members might hold that tier when it was submitted.
    pub max_running: u32,
    /// How many members it has.
    pub members: u32,
    /// How urgent it is.
    pub priority: Priority,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// Not before this it is tried again.
    pub rests_until: Option<Timestamp>,
    /// What it waits for; nothing where it is tried again.
    pub after: Vec<Dependency>,
}

/// What age is compared by: since when it waits, then its id, so that the order is total.
pub type Age = (Timestamp, ExecutionId);

impl From<&Execution> for Waiting {
    fn from(execution: &Execution) -> Self {
        Self {
            id: execution.id,
            project: execution.project,
            owner: execution.owner,
            tier: execution.spec.tier.name.clone(),
            max_running: execution.spec.tier.max_running,
            members: execution.spec.member_count(),
            priority: execution.spec.priority,
            queued_at: execution.created_at,
            rests_until: execution.retry_at,
            after: unless_tried_again(execution.after.clone(), execution.retry_at),
        }
    }
}

/// What one waits for; whoever is tried again has waited for it before.
pub fn unless_tried_again(after: Vec<Dependency>, retry_at: Option<Timestamp>) -> Vec<Dependency> {
    if retry_at.is_some() { Vec::new() } else { after }
}

impl Waiting {
    /// Its age.
    pub const fn age(&self) -> Age {
        (self.queued_at, self.id)
    }

    const fn line(&self) -> Line {
        Line { priority: self.priority, owner: self.owner, project: self.project }
    }
}

/// Executions of a tier among which only age decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Their priority.
    pub priority: Priority,
    /// Their user.
    pub owner: UserId,
    /// Their project.
    pub project: ProjectId,
}

/// The lines of a tier, each oldest first.
pub type Lines = BTreeMap<Line, BTreeSet<Age>>;

/// All that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    all: BTreeMap<ExecutionId, Waiting>,
    resting: BTreeSet<(Timestamp, ExecutionId)>,
    held: Held,
    tiers: BTreeMap<Name, Lines>,
    users: BTreeMap<UserId, u32>,
    projects: BTreeMap<ProjectId, u32>,
}

impl Queue {
    /// Lets one in; one that is there already stays as it is.
    pub fn insert(&mut self, waiting: Waiting) {
        if self.all.contains_key(&waiting.id) {
            return;
        }
        self.held.insert(waiting.id, &waiting.after);
        match waiting.rests_until {
            Some(until) => _ = self.resting.insert((until, waiting.id)),
            None if self.held.holds(waiting.id) => {}
            None => self.line_up(&waiting),
        }
        *self.users.entry(waiting.owner).or_default() += 1;
        *self.projects.entry(waiting.project).or_default() += 1;
        self.all.insert(waiting.id, waiting);
    }

    /// Lets those stand in line that have rested.
    pub fn rouse(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.resting.first().copied().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, id));
            let Some(mut waiting) = self.all.get(&id).cloned() else { continue };
            waiting.rests_until = None;
            self.line_up(&waiting);
            self.all.insert(id, waiting);
        }
    }

    /// Sees where one is that others may wait for: who waits for nothing else stands in line. Answers whether
    /// that was news.
    pub fn see(&mut self, id: ExecutionId, phase: Phase) -> bool {
        let Some(free) = self.held.see(id, phase) else { return false };
        for waiting in free.iter().filter_map(|id| self.all.get(id).cloned()).collect::<Vec<_>>() {
            self.line_up(&waiting);
        }
        true
    }

    fn line_up(&mut self, waiting: &Waiting) {
        let line = self.tiers.entry(waiting.tier.clone()).or_default().entry(waiting.line()).or_default();
        line.insert(waiting.age());
    }

    /// Takes one out, if it is there.
    pub fn remove(&mut self, id: ExecutionId) -> Option<Waiting> {
        let waiting = self.all.remove(&id)?;
        if let Some(until) = waiting.rests_until {
            self.resting.remove(&(until, id));
        }
        self.held.remove(id, &waiting.after);
        if let Some(lines) = self.tiers.get_mut(&waiting.tier) {
            if let Some(line) = lines.get_mut(&waiting.line()) {
                line.remove(&waiting.age());
            }
            lines.retain(|_, line| !line.is_empty());
        }
        self.tiers.retain(|_, lines| !lines.is_empty());
        decrement(&mut self.users, &waiting.owner);
        decrement(&mut self.projects, &waiting.project);
        Some(waiting)
    }

    /// One, if it waits.
    pub fn get(&self, id: ExecutionId) -> Option<&Waiting> {
        self.all.get(&id)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All that wait, oldest id first.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.all.values()
    }

    /// Who waits for others to end.
    pub const fn held(&self) -> &Held {
        &self.held
    }

    /// Of some and of what they wait for: those whose end would matter to somebody, and that may have ended.
    pub fn unknown(&self, ids: impl IntoIterator<Item = ExecutionId>) -> BTreeSet<ExecutionId> {
        let unknown = ids.into_iter().flat_map(|id| self.held.unknown(id));
        // What waits itself has not ended.
        unknown.filter(|id| !self.all.contains_key(id)).collect()
    }

    /// The tiers that something waits for, with their lines.
    pub fn tiers(&self) -> impl Iterator<Item = (&Name, &Lines)> {
        self.tiers.iter()
    }

    /// The lines of a tier.
    pub fn tier(&self, tier: &Name) -> Option<&Lines> {
        self.tiers.get(tier)
    }

    /// How many of a user wait.
    pub fn of_user(&self, user: UserId) -> u32 {
        self.users.get(&user).copied().unwrap_or(0)
    }

    /// How many of a project wait.
    pub fn of_project(&self, project: ProjectId) -> u32 {
        self.projects.get(&project).copied().unwrap_or(0)
    }
}

fn decrement<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{
        dependency::tests::on,
        execution::tests::{at, queued},
    };

    /// A tier's name.
    pub(crate) fn tier(name: &str) -> Name {
        name.parse().expect("a name")
    }

    /// One of a user and a project of its own, for a tier that takes very many.
    pub(crate) fn waiting(name: &str, second: i64) -> Waiting {
        Waiting {
            id: ExecutionId::generate(),
            project: ProjectId::generate(),
            owner: UserId::generate(),
            tier: tier(name),
            max_running: 1000,
            members: 1,
            priority: Priority::Normal,
            queued_at: at(second),
            rests_until: None,
            after: Vec::new(),
        }
    }

    /// The queue of these.
    pub(crate) fn queue_of(all: &[Waiting]) -> Queue {
        let mut queue = Queue::default();
        all.iter().cloned().for_each(|waiting| queue.insert(waiting));
        queue
    }

    #[test]
    fn what_leaves_leaves_nothing_behind() {
        let all = [waiting("a", 2), waiting("a", 1), waiting("b", 3)];
        let mut queue = queue_of(&all);
        queue.insert(all[0].clone());
        assert_eq!((queue.len(), queue.of_user(all[0].owner), queue.of_project(all[0].project)), (3, 1, 1));
        for waiting in &all {
            assert_eq!(queue.remove(waiting.id).as_ref(), Some(waiting));
            assert_eq!(queue.remove(waiting.id), None);
        }
        assert_eq!(queue, Queue::default());
    }

    #[test]
    fn who_rests_counts_and_stands_in_line_once_it_has_rested() {
        let resting = Waiting { rests_until: Some(at(20)), ..waiting("a", 1) };
        let mut queue = queue_of(&[resting.clone(), waiting("b", 2)]);
        queue.rouse(at(19));
        assert_eq!((queue.len(), queue.of_user(resting.owner), queue.tier(&tier("a"))), (2, 1, None));
        queue.rouse(at(20));
        assert_eq!(queue.tier(&tier("a")).map(BTreeMap::len), Some(1));
        assert_eq!(queue.get(resting.id).and_then(|waiting| waiting.rests_until), None);
        queue.remove(resting.id);
        assert_eq!((queue.tier(&tier("a")), queue.of_user(resting.owner)), (None, 0));
    }

    #[test]
    fn a_chain_stands_in_line_one_after_the_other() {
        let first = waiting("a", 3);
        let second = Waiting { after: vec![on(first.id)], ..waiting("a", 2) };
        let third = Waiting { after: vec![on(second.id), on(first.id)], ..waiting("a", 1) };
        let mut queue = queue_of(&[third.clone(), second.clone(), first.clone()]);
        let in_line = |queue: &Queue| {
            let lines = queue.tier(&tier("a")).into_iter().flat_map(BTreeMap::values).flatten();
            lines.map(|(_, id)| *id).collect::<Vec<_>>()
        };
        assert_eq!((in_line(&queue), queue.len(), queue.of_user(third.owner)), (vec![first.id], 3, 1));
        assert_eq!(queue.unknown([second.id, third.id]), BTreeSet::new(), "they wait for what waits itself");
        queue.remove(first.id);
        assert_eq!(queue.unknown([first.id]), BTreeSet::from([first.id]), "it may have ended or run");
        assert!(!queue.see(first.id, Phase::Running) && in_line(&queue).is_empty());
        assert!(queue.see(first.id, Phase::Succeeded));
        assert_eq!(in_line(&queue), [second.id]);
        queue.remove(second.id);
        queue.see(second.id, Phase::Succeeded);
        assert_eq!(in_line(&queue), [third.id]);
        queue.remove(third.id);
        assert_eq!(queue, Queue::default());
    }

    #[test]
    fn whoever_is_tried_again_waits_for_nobody_any_more() {
        let mut execution = queued(1);
        execution.after = vec![on(ExecutionId::generate())];
        assert_eq!(Waiting::from(&execution).after, execution.after);
        execution.retry_at = Some(at(9));
        assert_eq!(Waiting::from(&execution).after, []);
    }

    #[test]
    fn who_leaves_while_resting_leaves_nothing_behind() {
        let resting = Waiting { rests_until: Some(at(20)), ..waiting("a", 1) };
        let mut queue = queue_of(std::slice::from_ref(&resting));
        assert_eq!(queue.remove(resting.id), Some(resting));
        assert_eq!(queue, Queue::default());
    }
}
