//! Who may do what to an execution: metadata decides by its project. An
//! execution that one may not read is as if it were not there.

use katonic_domain::{ExecutionId, UserId};
use katonic_store::Stored;

use crate::{clients::metadata::Metadata, domain::execution::Execution, error::Error, store::Repository};

/// Finds executions for users.
#[derive(Clone)]
pub struct Access {
    repository: Repository,
    metadata: Metadata,
}

impl Access {
    /// Over what is kept, deciding by metadata.
    pub const fn new(repository: Repository, metadata: Metadata) -> Self {
        Self { repository, metadata }
    }

    /// The decisions themselves.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// An execution, if this user may do that to it.
    pub async fn find(&self, user: UserId, action: &'static str, id: ExecutionId) -> Result<Stored<Execution>, Error> {
        let stored = self.repository.execution(id).await?;
        let own = stored.state.owner == user;
        self.metadata.check(user, decided_as(action, own), stored.state.project).await?;
        Ok(stored)
    }
}

/// What one launched oneself, one may stop and rename with less.
fn decided_as(action: &'static str, own: bool) -> &'static str {
    match action {
        "execution.stop" if own => "execution.stop_own",
        "execution.update" if own => "execution.update_own",
        action => action,
    }
}
