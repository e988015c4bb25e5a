//! Decides who may do what.

use katonic_domain::{ProjectId, UserId};

use crate::{
    domain::decision::{Decision, Object, decide},
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

    /// The decision on a user's action to an object, which is empty or a project's id.
    ///
    /// # Errors
    /// The store's.
    pub async fn check(&self, user: UserId, action: &str, object: &str) -> Result<Decision, Error> {
        let Some(user) = self.repository.users.get(&user).await? else { return Ok(Decision::Hidden) };
        Ok(decide(&user, self.object(action, object).await?))
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

    async fn object(&self, action: &str, object: &str) -> Result<Object, Error> {
        if action.starts_with("subscription.") {
            return Ok(Object::Installation);
        }
        if object.is_empty() {
            return Ok(Object::Own);
        }
        let Ok(id) = object.parse::<ProjectId>() else { return Ok(Object::Nothing) };
        let project = self.repository.project(id).await?;
        Ok(project.map_or(Object::Nothing, |stored| Object::Project { owner: stored.state.owner }))
    }
}
