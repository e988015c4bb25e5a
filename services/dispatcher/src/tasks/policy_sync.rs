//! Keeps what metadata says about tiers and limits: all of it, again and again,
//! so that a change is felt within seconds whatever got lost. While metadata is
//! down, what was known holds.

use std::time::Duration;

use katonic_service::Shutdown;
use tracing::warn;

use crate::{clients::policies::PolicyList, error::Error, policies::Policies, waiting::WaitingRoom};

/// How often one asks: a changed limit is felt within this and the life of [`Policies`].
const EVERY: Duration = Duration::from_secs(2);

/// Keeps tiers and limits.
pub struct PolicySync {
    /// Where they come from.
    pub list: PolicyList,
    /// Where they go.
    pub policies: Policies,
    /// Who may be admitted by a change.
    pub waiting: WaitingRoom,
}

impl PolicySync {
    /// Keeps them until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let round = async {
            loop {
                if let Err(error) = self.round().await {
                    warn!(error = %katonic_service::runtime::chain(&error), "tiers and limits cannot be read now");
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        shutdown.run_until_cancelled(round).await;
    }

    async fn round(&self) -> Result<(), Error> {
        let mut news = false;
        for policy in self.list.all().await? {
            news |= self.policies.take(policy).await?;
        }
        if news {
            self.waiting.wake();
        }
        Ok(())
    }
}
