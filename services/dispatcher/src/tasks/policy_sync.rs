//! Keeps what metadata says about tiers and limits. A fact, or the bus that asks
//! for a resync, is cause to read the whole list, which is short: what a fact
//! says in itself is never trusted, so lost, repeated and reordered ones do no
//! harm. The list is read from time to time without any cause, for the time
//! when the bus is down; while metadata is down, what was known holds (ADR 16).

use std::time::Duration;

use async_trait::async_trait;
use katonic_bus::{Consumer, ConsumerConfig, Handler, Message, Verdict, topology::DISPATCHER_POLICY};
use katonic_service::{Secret, Shutdown};
use tracing::warn;

use crate::{clients::policies::PolicyList, error::Error, policies::Policies, waiting::WaitingRoom};

/// How often one asks without a cause.
const EVERY: Duration = Duration::from_secs(30);

/// Keeps tiers and limits.
#[derive(Clone)]
pub struct PolicySync {
    /// Where they come from.
    pub list: PolicyList,
    /// Where they go.
    pub policies: Policies,
    /// Who may be admitted by a change.
    pub waiting: WaitingRoom,
    /// Where facts come from: the dispatcher's own login at the broker.
    pub broker: Secret<String>,
}

#[async_trait]
impl Handler for PolicySync {
    async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict> {
        let verdict = match self.round().await {
            Ok(()) => Verdict::Ack,
            Err(error) => Verdict::Retry { reason: katonic_service::runtime::chain(&error) },
        };
        vec![verdict; batch.len()]
    }
}

impl PolicySync {
    /// Keeps them until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let config = ConsumerConfig::new(self.broker.expose(), DISPATCHER_POLICY);
        let consumer = Consumer::new(config, self.clone()).run(shutdown.clone());
        tokio::join!(consumer, shutdown.run_until_cancelled(self.look_again()));
    }

    async fn look_again(&self) {
        loop {
            if let Err(error) = self.round().await {
                warn!(error = %katonic_service::runtime::chain(&error), "tiers and limits cannot be read now");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            tokio::time::sleep(EVERY).await;
        }
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
