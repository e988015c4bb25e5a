//! How far the feed is, as this process knows it: told by its own writer at
//! once, and by looking where another replica writes.

use std::time::Duration;

use katonic_service::Shutdown;
use tokio::sync::watch;

use crate::store::Feed;

/// How late a reader of another replica is at most.
const LOOK: Duration = Duration::from_millis(500);

/// The highest `n` that is known; rises only.
#[derive(Debug, Clone)]
pub struct Heads(watch::Sender<u64>);

impl Default for Heads {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Heads {
    /// Tells everybody of a head.
    pub fn tell(&self, n: u64) {
        self.0.send_if_modified(|known| {
            let higher = n > *known;
            *known = (*known).max(n);
            higher
        });
    }

    /// The highest that is known now.
    pub fn known(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until the feed reaches beyond `n`; answers how far.
    pub async fn beyond(&self, n: u64) -> u64 {
        let mut known = self.0.subscribe();
        match known.wait_for(|head| *head > n).await {
            Ok(head) => *head,
            // Never: the sender is ours.
            Err(_) => n,
        }
    }

    /// Looks at the store from time to time, until shutdown.
    pub async fn look(self, feed: Feed, shutdown: Shutdown) {
        loop {
            match feed.head().await {
                Ok(head) => self.tell(head.n),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the feed's head is not known");
                }
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return;
            }
        }
    }
}
