//! Which projects a user may do something in, for whoever shows of many at once.

use katonic_domain::UserId;

use crate::{
    domain::decision::{Decision, Object, Visible, decide},
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

    /// The projects in which a user may do this. Every action is an owner's today.
    ///
    /// # Errors
    /// The store's.
    pub async fn of(&self, user: UserId, _action: &str) -> Result<Visible, Error> {
        let Some(user) = self.repository.users.get(&user).await? else { return Ok(Visible::Only(Vec::new())) };
        match decide(&user, Object::Project { owner: user.id }) {
            Decision::Denied | Decision::Hidden => Ok(Visible::Only(Vec::new())),
            Decision::Allowed if user.admin => Ok(Visible::All),
            Decision::Allowed => {
                let owned = self.repository.all_of(user.id).await?;
                Ok(Visible::Only(owned.into_iter().map(|stored| stored.state.id).collect()))
            }
        }
    }
}
