//! Changes what people call an execution, in whatever phase it is.

use katonic_domain::ExecutionId;
use katonic_store::Stored;
use tracing::instrument;

use crate::{
    domain::{edit::Edit, execution::Execution},
    error::Error,
    snapshot,
    store::{Repository, UPDATED},
};

/// Edits executions.
#[derive(Clone)]
pub struct Edits {
    repository: Repository,
}

impl Edits {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// Changes one, if it is still what the caller has seen; an empty etag means whatever it is.
    #[instrument(skip_all, fields(execution.id = %id))]
    pub async fn execution(&self, id: ExecutionId, edit: &Edit, etag: &str) -> Result<Stored<Execution>, Error> {
        let change = |execution: &mut Execution| {
            if !etag.is_empty() && etag != snapshot::etag(execution) {
                return Err(Error::Stale);
            }
            Ok(execution.edit(edit).then_some(UPDATED))
        };
        let stored = self.repository.executions().command(&id, change).await?;
        self.repository.announce(id);
        Ok(stored)
    }
}
