//! Which projects a user may do something in, for whoever shows of many at once.

use std::collections::BTreeSet;

use katonic_domain::UserId;

use crate::{
    domain::{
        actions::{Needs, needs},
        decision::{Decision, Visible, decide},
    },
    error::Error,
    store::Repository,
};

/// Answers what is visible.
#[derive(Clone)]
pub struct Visibility {
    repository: Repository,
}

impl Visibility {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// The projects in which a user may do this.
    ///
    /// # Errors
    /// The store's.
    pub async fn of(&self, user: UserId, action: &str) -> Result<Visible, Error> {
        let nothing = Visible::Only(Vec::new());
        let Some(user) = self.repository.user(user).await? else { return Ok(nothing) };
        let Some(needs @ Needs::Role(_)) = needs(action) else { return Ok(nothing) };
        if user.disabled {
            return Ok(nothing);
        }
        if user.admin {
            return Ok(Visible::All);
        }
        let parties = self.repository.parties(user.id).await?;
        let grants = self.repository.grants_of(&parties.all()).await?;
        let projects = grants.iter().filter_map(|grant| {
            let role = grant.role?.through(parties.standing(grant.party)?);
            (decide(&user, needs, Some(role)) == Decision::Allowed).then_some(grant.project)
        });
        Ok(Visible::Only(projects.collect::<BTreeSet<_>>().into_iter().collect()))
    }
}
