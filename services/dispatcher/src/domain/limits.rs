//! How much may run and wait at once, as metadata defines it: by tier, user,
//! project and in all. What is not said has no limit.

use std::collections::BTreeMap;

use katonic_domain::{Limit, LimitScope as Scope, Name, ProjectId, UserId};

use crate::domain::queue::Waiting;

/// All limits that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    tiers: BTreeMap<Name, u32>,
    scopes: BTreeMap<Scope, Limit>,
}

impl Limits {
    /// How many members may hold a tier from now on.
    pub fn set_tier(&mut self, tier: Name, max_running: u32) {
        self.tiers.insert(tier, max_running);
    }

    /// What a scope may from now on.
    pub fn set(&mut self, scope: Scope, limit: Limit) {
        self.scopes.insert(scope, limit);
    }

    /// How many members may hold a tier; `pinned` is what was known at submit.
    pub fn of_tier(&self, tier: &Name, pinned: u32) -> u32 {
        self.tiers.get(tier).copied().unwrap_or(pinned)
    }

    /// Every tier that is known, and how many members may hold it.
    pub fn tiers(&self) -> impl Iterator<Item = (&Name, u32)> {
        self.tiers.iter().map(|(tier, max_running)| (tier, *max_running))
    }

    /// What one user may.
    pub fn of_user(&self, user: UserId) -> Limit {
        self.of(Scope::User(user)).or(self.of(Scope::Users))
    }

    /// What one project may.
    pub fn of_project(&self, project: ProjectId) -> Limit {
        self.of(Scope::Project(project)).or(self.of(Scope::Projects))
    }

    /// What all together may.
    pub fn of_installation(&self) -> Limit {
        self.of(Scope::Installation)
    }

    /// These limits, but for those that hold back this one: what its turn depends on beside them.
    #[must_use]
    pub fn lifted_for(&self, waiting: &Waiting) -> Self {
        let mut lifted = self.clone();
        lifted.set_tier(waiting.tier.clone(), u32::MAX);
        let none = Limit { running: Some(u32::MAX), queued: None };
        [Scope::Installation, Scope::User(waiting.owner), Scope::Project(waiting.project)]
            .into_iter()
            .for_each(|scope| lifted.set(scope, none));
        lifted
    }

    fn of(&self, scope: Scope) -> Limit {
        self.scopes.get(&scope).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_limit_stands_before_the_default_field_by_field() {
        let (own, other) = (UserId::generate(), UserId::generate());
        let mut limits = Limits::default();
        assert_eq!(limits.of_user(own), Limit::default());
        limits.set(Scope::Users, Limit { running: Some(2), queued: Some(10) });
        limits.set(Scope::User(own), Limit { running: Some(5), queued: None });
        assert_eq!(limits.of_user(own), Limit { running: Some(5), queued: Some(10) });
        assert_eq!(limits.of_user(other), Limit { running: Some(2), queued: Some(10) });
        assert_eq!(limits.of_project(ProjectId::generate()), Limit::default());
    }

    #[test]
    fn a_tier_that_is_not_known_has_the_limit_of_its_submit() {
        let tier: Name = "small".parse().expect("a name");
        let mut limits = Limits::default();
        assert_eq!(limits.of_tier(&tier, 3), 3);
        limits.set_tier(tier.clone(), 7);
        assert_eq!(limits.of_tier(&tier, 3), 7);
    }
}
