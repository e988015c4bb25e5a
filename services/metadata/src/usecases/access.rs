//! Decides who may do what.

use katonic_domain::{ProjectId, UserId};

use crate::{
    domain::{
        actions::{Needs, needs},
        decision::{Decision, Role, decide},
        party::Party,
        user::User,
    },
    error::Error,
    store::Repository,
};

/// Decisions.
#[derive(Clone)]
pub struct Access {
    repository: Repository,
}

impl Access {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// The decision on a user's action to an object: a project's id where the
    /// action needs a role in one.
    ///
    /// # Errors
    /// The store's.
    pub async fn check(&self, user: UserId, action: &str, object: &str) -> Result<Decision, Error> {
        let Some(user) = self.repository.user(user).await? else { return Ok(Decision::Hidden) };
        let Some(needs) = needs(action) else {
            tracing::warn!(action, "nobody may do what the table of actions does not know");
            return Ok(Decision::Denied);
        };
        if !matches!(needs, Needs::Role(_)) {
            return Ok(decide(&user, needs, None));
        }
        let Ok(project) = object.parse::<ProjectId>() else { return Ok(Decision::Hidden) };
        let Some(project) = self.repository.project(project).await? else { return Ok(Decision::Hidden) };
        let role = self.role(&user, project.state.id, project.state.owner).await?;
        Ok(decide(&user, needs, role))
    }

    /// Nothing, where a user may do this.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::NotFound`].
    pub async fn require(&self, user: UserId, action: &str, object: &str) -> Result<(), Error> {
        match self.check(user, action, object).await? {
            Decision::Allowed => Ok(()),
            Decision::Denied => Err(Error::Denied),
            Decision::Hidden => Err(Error::NotFound("project")),
        }
    }

    /// The highest role of a user in a project.
    async fn role(&self, user: &User, project: ProjectId, owner: Party) -> Result<Option<Role>, Error> {
        if user.admin || owner == Party::User(user.id) {
            return Ok(Some(Role::Owner));
        }
        let parties = self.repository.parties(user.id).await?;
        let grants = self.repository.grants_at(&[project], &parties.all()).await?;
        let granted = grants.iter().filter_map(|grant| Some(grant.role?.through(parties.standing(grant.party)?)));
        // The owner's role does not hang on its grant.
        let owned = parties.standing(owner).map(|standing| Role::Owner.through(standing));
        Ok(granted.chain(owned).max())
    }
}
