//! Ends those that wait for others in vain, and so on down the chain.
//!
//! Who they are the queue knows, from ends that the store has and that are for
//! ever: whoever else leads may end the same ones, to the same effect. A crash
//! in between loses nothing: the next one to read the queue finds them again.

use futures::future::join_all;
use katonic_domain::ExecutionId;
use tracing::warn;

use crate::{usecases::end::Ending, waiting::WaitingRoom};

/// Executions at once: more would hold up those that get a place.
const MOST: usize = 32;

/// Ends who waits in vain.
#[derive(Clone)]
pub struct GivingUp {
    /// Who writes ends.
    pub ending: Ending,
    /// Who waits.
    pub waiting: WaitingRoom,
}

impl GivingUp {
    /// Ends some of those that wait in vain. Answers how many left the queue.
    pub async fn round(&self) -> usize {
        let hopeless: Vec<_> = self.waiting.look(|queue| queue.held().hopeless().take(MOST).collect());
        let ended = join_all(hopeless.into_iter().map(|(id, failed)| self.end(id, failed))).await;
        ended.into_iter().filter(|ended| *ended).count()
    }

    async fn end(&self, id: ExecutionId, failed: ExecutionId) -> bool {
        match self.ending.give_up(id, failed).await {
            Ok(execution) => {
                self.waiting.see(&execution);
                true
            }
            Err(error) => {
                let error = katonic_service::runtime::chain(&error);
                warn!(execution.id = %id, %error, "an execution that waits in vain was not ended and is later");
                false
            }
        }
    }
}
