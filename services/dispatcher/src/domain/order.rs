//! In which order the executions of one tier are admitted: priority, fair
//! share, age (X4, ADR 15).
//!
//! 1. **Priority.** The highest that waits. One that waits is passed over by
//!    higher ones at most [`PATIENCE`] times in a row; then its turn comes.
//! 2. **Fair share.** Among these the user who holds the fewest places of the
//!    tier; each place counts from when it is given.
//! 3. **Turns.** Among equals the one who got a place longest ago: a place is
//!    not divided, so who holds one more than the others goes round.
//! 4. **Age.** Then whoever waits longest.
//!
//! So a user with one execution waits for one place of each other user at
//! most, however much these have submitted, and among equals nobody is passed
//! over for ever.

use std::collections::{BTreeMap, BTreeSet};

use katonic_domain::{Name, UserId};

use crate::domain::{
    priority::Priority,
    queue::{Age, Line, Lines},
    usage::Usage,
};

/// How often in a row higher priorities may pass over one that waits.
pub const PATIENCE: u8 = 8;

/// Who had their turn in a tier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    /// How often each priority was passed over since it last had its turn.
    passed: [u8; Priority::ALL.len()],
    /// Which of the tier's places, counted up, each user who waits got last,
    /// or which one was given last when they came.
    last: BTreeMap<UserId, u64>,
    given: u64,
}

impl Turns {
    /// Whose turn it is among those that wait.
    fn next(&self, waits: impl Fn(Priority) -> bool) -> Option<Priority> {
        let waiting = || Priority::ALL.into_iter().rev().filter(|priority| waits(*priority));
        waiting().find(|priority| self.passed[index(*priority)] >= PATIENCE).or_else(|| waiting().next())
    }

    /// One had its turn: those below it that wait were passed over.
    fn taken(&mut self, by: Priority, waits: impl Fn(Priority) -> bool) {
        self.passed[index(by)] = 0;
        for priority in Priority::ALL.into_iter().filter(|priority| *priority < by && waits(*priority)) {
            let passed = &mut self.passed[index(priority)];
            *passed = passed.saturating_add(1);
        }
    }

    /// A user got a place.
    fn given(&mut self, user: UserId) -> u64 {
        self.given += 1;
        self.last.insert(user, self.given);
        self.given
    }

    /// When a user had their turn. One who is new comes after all who wait.
    fn last(&mut self, user: UserId) -> u64 {
        *self.last.entry(user).or_insert(self.given)
    }
}

const fn index(priority: Priority) -> usize {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

/// One that would be next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Next {
    /// How many places of the tier its user holds.
    pub share: u32,
    /// When its user last got one or came, counted in places given.
    pub last: u64,
    /// Its age, which names it.
    pub age: Age,
    /// Where it stands.
    pub line: Line,
}

/// Who waits.
#[derive(Debug)]
struct User {
    share: u32,
    lines: Vec<Line>,
}

/// The order of one tier while places are given, one after the other.
#[derive(Debug)]
pub struct Order<'a> {
    lines: &'a Lines,
    users: BTreeMap<UserId, User>,
    heads: BTreeMap<Line, Next>,
    ready: BTreeMap<Priority, BTreeSet<Next>>,
    turns: Turns,
}

impl<'a> Order<'a> {
    /// The order of a tier's lines, given what is taken. Whoever waits for nothing is forgotten.
    pub fn new(tier: &Name, lines: &'a Lines, usage: &Usage, turns: Turns) -> Self {
        let mut order = Self { lines, users: BTreeMap::new(), heads: BTreeMap::new(), ready: BTreeMap::new(), turns };
        for (line, ages) in lines {
            let fresh = || User { share: usage.share(tier, line.owner), lines: Vec::new() };
            let user = order.users.entry(line.owner).or_insert_with(fresh);
            user.lines.push(*line);
            let (share, last) = (user.share, order.turns.last(line.owner));
            if let Some(age) = ages.first() {
                order.stand(Next { share, last, age: *age, line: *line });
            }
        }
        order.turns.last.retain(|user, _| order.users.contains_key(user));
        order
    }

    /// Who is next; the same until it is taken or passed.
    pub fn peek(&self) -> Option<Next> {
        let priority = self.turns.next(|priority| self.waits(priority))?;
        self.ready.get(&priority)?.first().copied()
    }

    /// Gives a place to whoever is next: `members` places, in fact.
    pub fn take(&mut self, next: Next, members: u32) {
        self.leave(&next);
        let mut turns = std::mem::take(&mut self.turns);
        turns.taken(next.line.priority, |priority| self.waits(priority));
        self.turns = turns;
        if let Some(age) = self.behind(&next) {
            self.stand(Next { age, ..next });
        }
        self.charge(next.line.owner, members);
    }

    /// Lets whoever is behind one in its line stand in its place.
    pub fn skip(&mut self, next: Next) {
        self.leave(&next);
        if let Some(age) = self.behind(&next) {
            self.stand(Next { age, ..next });
        }
    }

    /// Takes a whole line out of the order: nothing in it can be admitted now.
    pub fn drop_line(&mut self, next: Next) {
        self.leave(&next);
    }

    /// Whose turn it is after what was given.
    pub fn into_turns(self) -> Turns {
        self.turns
    }

    fn waits(&self, priority: Priority) -> bool {
        self.ready.get(&priority).is_some_and(|ready| !ready.is_empty())
    }

    fn behind(&self, next: &Next) -> Option<Age> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.lines.get(&next.line)?.range((Excluded(next.age), Unbounded)).next().copied()
    }

    fn stand(&mut self, next: Next) {
        self.heads.insert(next.line, next);
        self.ready.entry(next.line.priority).or_default().insert(next);
    }

    fn leave(&mut self, next: &Next) {
        self.heads.remove(&next.line);
        if let Some(ready) = self.ready.get_mut(&next.line.priority) {
            ready.remove(next);
        }
    }

    /// A user got places: all their lines move back.
    fn charge(&mut self, user: UserId, members: u32) {
        let Some(held) = self.users.get_mut(&user) else { return };
        held.share += members;
        let (share, lines, last) = (held.share, held.lines.clone(), self.turns.given(user));
        for head in lines.iter().filter_map(|line| self.heads.get(line).copied()).collect::<Vec<_>>() {
            self.leave(&head);
            self.stand(Next { share, last, ..head });
        }
    }
}
