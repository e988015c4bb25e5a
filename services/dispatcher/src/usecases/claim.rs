//! Takes the right to run a member: the compare-and-set by which user code
//! starts at most once, whoever believes to lead, whatever is restarted (M2).

use katonic_domain::MemberId;
use katonic_store::StoreError;
use tracing::instrument;

use crate::{
    domain::{
        execution::Execution,
        member::{Member, Nonce},
    },
    error::Error,
    store::Repository,
    tickets,
};

/// Answers claims.
#[derive(Clone)]
pub struct Claims {
    repository: Repository,
}

impl Claims {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// Takes or renews the right to run a member: the caller may then be given
    /// the member's token.
    #[instrument(skip_all, fields(member.id = %id))]
    pub async fn claim(&self, id: &MemberId, ticket: &str, nonce: &Nonce) -> Result<Execution, Error> {
        let hash = tickets::hash(ticket);
        let mut news = false;
        let claim = |member: &mut Member| {
            news = member.claim(&hash, nonce)?;
            Ok::<_, Error>(())
        };
        self.repository.members().update(id, claim).await.map_err(hide_absence)?;
        if news {
            self.repository.announce(id.execution);
        }
        Ok(self.repository.execution(id.execution).await?.state)
    }
}

/// Whoever guesses member ids learns nothing from the answer.
fn hide_absence(error: Error) -> Error {
    match error {
        Error::Store(StoreError::NotFound { .. }) => Error::NoMember,
        other => other,
    }
}
