//! Admits what waits: at once when something is submitted or a place is freed.

use std::time::Duration;

use katonic_service::Shutdown;
use katonic_store::Epoch;
use tracing::warn;

use crate::{
    changes::{Change, Subscription},
    error::Error,
    metrics,
    store::Repository,
    usecases::admit::Admission,
    waiting::WaitingRoom,
};

/// How often the queue is read from the store, whatever was announced.
const REREAD: Duration = Duration::from_secs(30);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(250);

/// Admits for one term of leadership.
#[derive(Clone)]
pub struct Admitting {
    /// What is kept.
    pub repository: Repository,
    /// Who gives places.
    pub admission: Admission,
    /// The queue.
    pub waiting: WaitingRoom,
}

impl Admitting {
    /// Admits until the term ends.
    pub async fn run(self, epoch: Epoch, term: Shutdown) {
        // Subscribed before the queue is read: what comes in between is seen twice.
        let mut changes = self.repository.changes().subscribe();
        let mut reread = true;
        while !term.is_cancelled() {
            match self.round(epoch, reread).await {
                Ok(true) => reread = false,
                Ok(false) => {
                    reread = match term.run_until_cancelled(self.next(&mut changes)).await {
                        Some(Ok(reread)) => reread,
                        Some(Err(_)) | None => true,
                    };
                }
                Err(error) => {
                    warn!(error = %katonic_service::runtime::chain(&error), "an admission failed and is repeated");
                    let _ = term.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                    reread = true;
                }
            }
        }
    }

    /// Admits one batch. Answers whether there may be more to do.
    async fn round(&self, epoch: Epoch, reread: bool) -> Result<bool, Error> {
        if reread {
            self.waiting.replace(&self.repository.queue().await?);
        }
        let queue = self.waiting.all();
        metrics::waiting(queue.len());
        let left = self.admission.batch(&queue, epoch).await?;
        left.iter().for_each(|id| self.waiting.forget(*id));
        metrics::admitted(left.len());
        Ok(!left.is_empty())
    }

    /// Waits for a change and sees it. Answers whether the queue must be read as a whole.
    async fn next(&self, changes: &mut Subscription) -> Result<bool, Error> {
        match tokio::time::timeout(REREAD, changes.next()).await {
            Ok(Some(Change::Of(id))) => {
                self.waiting.see(&self.repository.execution(id).await?.state);
                Ok(false)
            }
            Ok(Some(Change::Some) | None) | Err(_) => Ok(true),
        }
    }
}
