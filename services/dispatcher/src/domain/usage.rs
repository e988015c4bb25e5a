//! What is taken, as the sum of members that hold a place: never a counter that
//! could drift.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use katonic_domain::{Name, ProjectId, UserId};

use crate::domain::{limits::Limits, member::Member, queue::Waiting};

/// What is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    tiers: BTreeMap<Name, u32>,
    shares: BTreeMap<(Name, UserId), u32>,
    users: BTreeMap<UserId, u32>,
    projects: BTreeMap<ProjectId, u32>,
    all: u32,
    uids: BTreeSet<u32>,
}

/// A limit that one more execution would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Full {
    /// Its project's.
    Project,
    /// Its user's.
    User,
    /// Its tier's.
    Tier,
    /// That of all together.
    Installation,
}

impl Usage {
    /// The sum of members.
    pub fn of_members<'a>(holding: impl IntoIterator<Item = &'a Member>) -> Self {
        let mut usage = Self::default();
        holding.into_iter().for_each(|member| usage.add_member(member));
        usage
    }

    /// Counts one member that holds a place.
    pub fn add_member(&mut self, member: &Member) {
        self.add(&member.tier, member.owner, member.project, 1);
        self.uids.extend(member.uid);
    }

    /// Counts an execution as if it were admitted, but for its identities.
    pub fn add_waiting(&mut self, waiting: &Waiting) {
        self.add(&waiting.tier, Some(waiting.owner), waiting.project, waiting.members);
    }

    fn add(&mut self, tier: &Name, owner: Option<UserId>, project: ProjectId, members: u32) {
        *self.tiers.entry(tier.clone()).or_default() += members;
        if let Some(owner) = owner {
            *self.shares.entry((tier.clone(), owner)).or_default() += members;
            *self.users.entry(owner).or_default() += members;
        }
        *self.projects.entry(project).or_default() += members;
        self.all += members;
    }

    /// How many members hold a tier.
    pub fn of_tier(&self, tier: &Name) -> u32 {
        self.tiers.get(tier).copied().unwrap_or(0)
    }

    /// How many of them are a user's: the share that admission makes fair.
    pub fn share(&self, tier: &Name, user: UserId) -> u32 {
        self.shares.get(&(tier.clone(), user)).copied().unwrap_or(0)
    }

    /// How many members are a user's, in all tiers.
    pub fn of_user(&self, user: UserId) -> u32 {
        self.users.get(&user).copied().unwrap_or(0)
    }

    /// How many members are a project's, in all tiers.
    pub fn of_project(&self, project: ProjectId) -> u32 {
        self.projects.get(&project).copied().unwrap_or(0)
    }

    /// How many members there are.
    pub const fn all(&self) -> u32 {
        self.all
    }

    /// The identities of a range that no member holds, lowest first.
    pub fn free_uids(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        range.filter(|uid| !self.uids.contains(uid))
    }

    /// The limits that an execution would pass if it were admitted now, narrowest scope first.
    pub fn passed_by(&self, waiting: &Waiting, limits: &Limits) -> impl Iterator<Item = Full> {
        let all = [Full::Project, Full::User, Full::Tier, Full::Installation];
        let passed = all.map(|full| {
            let (held, limit) = self.against(full, waiting, limits);
            limit.is_some_and(|limit| held.saturating_add(waiting.members) > limit).then_some(full)
        });
        passed.into_iter().flatten()
    }

    /// What is held of a limit, and the limit.
    pub fn against(&self, full: Full, waiting: &Waiting, limits: &Limits) -> (u32, Option<u32>) {
        match full {
            Full::Project => (self.of_project(waiting.project), limits.of_project(waiting.project).running),
            Full::User => (self.of_user(waiting.owner), limits.of_user(waiting.owner).running),
            Full::Tier => (self.of_tier(&waiting.tier), Some(limits.of_tier(&waiting.tier, waiting.max_running))),
            Full::Installation => (self.all, limits.of_installation().running),
        }
    }
}

/// Whether an execution can never be admitted while the limits are what they are.
pub fn never_fits(waiting: &Waiting, limits: &Limits) -> bool {
    Usage::default().passed_by(waiting, limits).next().is_some()
}

#[cfg(test)]
mod tests {
    use katonic_domain::{Limit, LimitScope as Scope};

    use super::*;
    use crate::domain::{
        member::tests::member_of,
        queue::tests::{tier, waiting},
    };

    #[test]
    fn members_are_summed_by_tier_user_and_project() {
        let execution = crate::domain::execution::tests::running();
        let member = Member { uid: Some(1000), ..member_of(&execution) };
        let usage = Usage::of_members([&member, &member]);
        assert_eq!((usage.of_tier(&member.tier), usage.share(&member.tier, execution.owner)), (2, 2));
        assert_eq!((usage.of_user(execution.owner), usage.of_project(execution.project), usage.all()), (2, 2, 2));
        assert_eq!(usage.free_uids(1000..1003).collect::<Vec<_>>(), [1001, 1002]);
    }

    #[test]
    fn every_limit_that_is_passed_is_named() {
        let first = waiting("a", 1);
        let mut usage = Usage::default();
        usage.add_waiting(&first);
        let mut limits = Limits::default();
        let passed = |limits: &Limits| usage.passed_by(&first, limits).collect::<Vec<_>>();
        assert_eq!(passed(&limits), []);
        let one = Limit { running: Some(1), queued: None };
        limits.set(Scope::User(first.owner), one);
        assert_eq!(passed(&limits), [Full::User]);
        limits.set(Scope::Projects, one);
        limits.set(Scope::Installation, one);
        limits.set_tier(tier("a"), 1);
        assert_eq!(passed(&limits), [Full::Project, Full::User, Full::Tier, Full::Installation]);
        assert!(!never_fits(&first, &limits));
        assert!(never_fits(&Waiting { members: 2, ..first.clone() }, &limits));
    }
}
