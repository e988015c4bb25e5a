//! Records that users want an execution to stop. What is queued stops at once;
//! what runs is stopped by its shim, which its agent tells (`WatchOrders`).

use std::sync::Arc;

use katonic_domain::{Clock, ExecutionId};
use katonic_store::Stored;
use tracing::instrument;

use crate::{
    domain::execution::{DesiredState, Execution},
    error::Error,
    store::{FINISHED, Repository, STOP_REQUESTED},
};

/// Asks executions to stop.
#[derive(Clone)]
pub struct Stop {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Stop {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Asks for a stop; repeating it is the same.
    #[instrument(skip_all, fields(execution.id = %id))]
    pub async fn execution(&self, id: ExecutionId, discard: bool) -> Result<Stored<Execution>, Error> {
        let wish = if discard { DesiredState::StopAndDiscard } else { DesiredState::StopAndKeep };
        // Not `command`: a stop is taken also when many events wait (W3).
        let change = |execution: &mut Execution| {
            let news = execution.request_stop(wish, self.clock.now())?;
            let fact = if execution.phase.is_last() { FINISHED } else { STOP_REQUESTED };
            Ok::<_, Error>(news.then_some(fact))
        };
        let stored = self.repository.executions().update(&id, change).await?;
        self.repository.announce(id);
        Ok(stored)
    }
}
