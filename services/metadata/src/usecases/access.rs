//! Decides who may do what.

use futures::{FutureExt, future::OptionFuture, try_join};
use katonic_domain::{ProjectId, UserId};
use katonic_store::Stored;

use crate::{
    domain::{
        actions::{Needs, needs},
        decision::{Decision, Role, decide},
        party::Party,
        project::Project,
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
        Ok(self.weigh(user, action, object).await?.0)
    }

    /// A project, as it was when a user was found to be allowed to do this to it.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::NotFound`].
    pub async fn project(&self, user: UserId, action: &str, project: ProjectId) -> Result<Stored<Project>, Error> {
        let (decision, project) = self.weigh(user, action, &project.to_string()).await?;
        allowed(decision)?;
        project.ok_or(Error::NotFound("project"))
    }

    /// The decision, and the project that it is about.
    async fn weigh(
        &self,
        user: UserId,
        action: &str,
        object: &str,
    ) -> Result<(Decision, Option<Stored<Project>>), Error> {
        let Some(needs) = needs(action) else {
            tracing::warn!(action, "nobody may do what the table of actions does not know");
            return Ok((Decision::Denied, None));
        };
        let project = object.parse().ok().filter(|_| matches!(needs, Needs::Role(_)));
        let project = OptionFuture::from(project.map(|id| self.repository.project(id))).map(Option::transpose);
        let (user, project) = try_join!(self.repository.user(user), project)?;
        let project = project.flatten();
        let decision = match (user, &project) {
            (None, _) => Decision::Hidden,
            (Some(user), Some(Stored { state, .. })) => {
                decide(&user, needs, self.role(&user, state.id, state.owner).await?)
            }
            (Some(_), None) if matches!(needs, Needs::Role(_)) => Decision::Hidden,
            (Some(user), None) => decide(&user, needs, None),
        };
        Ok((decision, project))
    }

    /// Nothing, where a user may do this.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::NotFound`].
    pub async fn require(&self, user: UserId, action: &str, object: &str) -> Result<(), Error> {
        allowed(self.check(user, action, object).await?)
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

fn allowed(decision: Decision) -> Result<(), Error> {
    match decision {
        Decision::Allowed => Ok(()),
        Decision::Denied => Err(Error::Denied),
        Decision::Hidden => Err(Error::NotFound("project")),
    }
}
