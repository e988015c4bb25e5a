//! Keeps this process's view of the queue: what is announced at once, all of it
//! now and then, which is also how other replicas' executions are seen. With it
//! goes where those are that others wait for.

use std::{collections::BTreeSet, time::Duration};

use katonic_domain::ExecutionId;
use katonic_service::Shutdown;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::{
    changes::{Change, Subscription},
    error::Error,
    metrics,
    store::Repository,
    waiting::WaitingRoom,
};

/// How often the queue is read from the store, whatever was announced.
const REREAD: Duration = Duration::from_secs(30);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(250);
/// Executions that are looked at in one read: a burst costs few.
const MOST: usize = 500;

/// Keeps the queue.
pub struct Queueing {
    /// What is kept.
    pub repository: Repository,
    /// The queue.
    pub waiting: WaitingRoom,
}

/// What there is to look at.
enum Look {
    At(BTreeSet<ExecutionId>),
    AtAll,
}

impl Queueing {
    /// Keeps it until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        // Subscribed before the queue is read: what comes in between is seen twice.
        let mut changes = self.repository.changes().subscribe();
        let mut look = Look::AtAll;
        let mut due = Instant::now();
        loop {
            if matches!(look, Look::AtAll) {
                due = Instant::now() + REREAD;
            }
            let next = match self.see(&look).await {
                Ok(()) => shutdown.run_until_cancelled(next(&mut changes, due)).await,
                Err(error) => {
                    warn!(error = %katonic_service::runtime::chain(&error), "the queue cannot be read and is again");
                    shutdown.run_until_cancelled(sleep(PAUSE)).await.map(|()| Look::AtAll)
                }
            };
            match next {
                Some(next) => look = next,
                None => return,
            }
        }
    }

    async fn see(&self, look: &Look) -> Result<(), Error> {
        let unknown = match look {
            Look::AtAll => {
                self.waiting.replace(self.repository.queue().await?);
                self.waiting.look(|queue| queue.unknown(queue.held().ids()))
            }
            Look::At(ids) => {
                let ids: Vec<ExecutionId> = ids.iter().copied().collect();
                self.waiting.see_all(&ids, self.repository.queued_of(&ids).await?);
                self.waiting.look(|queue| queue.unknown(ids))
            }
        };
        // Looked for after the queue was seen: whoever ends later is announced to who waits by then.
        self.waiting.learn(&self.repository.awaited(&unknown).await?);
        metrics::waiting(self.waiting.look(crate::domain::queue::Queue::len));
        Ok(())
    }
}

/// Waits for a change; those that are there already come with it. Once it is due all is looked at, however much changes.
async fn next(changes: &mut Subscription, due: Instant) -> Look {
    if Instant::now() >= due {
        return Look::AtAll;
    }
    let Ok(Some(Change::Of(first))) = timeout_at(due, changes.next()).await else { return Look::AtAll };
    let mut ids = BTreeSet::from([first]);
    while ids.len() < MOST {
        match changes.at_once() {
            Some(Change::Of(id)) => {
                ids.insert(id);
            }
            Some(Change::Some) => return Look::AtAll,
            None => break,
        }
    }
    Look::At(ids)
}
