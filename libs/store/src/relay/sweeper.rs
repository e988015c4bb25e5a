//! Publishes what a commit could not: entries older than 5 s, by one lease
//! holder per database. Its age metric is what an operator watches.

use std::{sync::Arc, time::Duration};

use bson::{DateTime, Document, doc};
use futures::future;
use katonic_domain::Clock;
use mongodb::Database;
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Histories, Offer, Relay, lane::Outcome};
use crate::{
    error::StoreError,
    lease::Lease,
    outbox::OutboxEntry,
    row::{date_time, timestamp},
    table::Table,
};

/// Aggregates that one look takes: the next look takes the next.
const MAX_SWEPT: usize = 256;
/// Aggregates that are delivered at once.
const MAX_AT_ONCE: usize = 32;

/// What the sweeper reads of any aggregate's document.
#[derive(Serialize, Deserialize)]
struct Unpublished {
    #[serde(rename = "_id")]
    id: String,
    unpublished_since: Option<DateTime>,
    #[serde(default)]
    outbox: Vec<OutboxEntry>,
}

/// The leased sweeper.
pub(crate) struct Sweeper {
    pub database: Database,
    pub histories: Histories,
    pub relay: Relay,
    pub lease: Lease,
    pub clock: Arc<dyn Clock>,
    pub after: Duration,
    pub every: Duration,
}

impl Sweeper {
    /// Looks until shutdown. Without the lease it only waits.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.look(&mut ticks) => {}
            }
        }
    }

    async fn look(&self, ticks: &mut Interval) {
        ticks.tick().await;
        if self.lease.held().is_none() {
            // Another tells the ages now; what was told here would stay.
            self.collections().into_iter().for_each(|collection| self.observe(collection, &[]));
            return;
        }
        if let Err(error) = self.sweep().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "unpublished events were not looked for");
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        for collection in self.collections() {
            let stale = self.stale(collection).await?;
            self.observe(collection, &stale);
            if !self.deliver(collection, &stale).await {
                return Ok(());
            }
        }
        Ok(())
    }

    fn collections(&self) -> Vec<&'static str> {
        self.histories.read().map(|histories| histories.keys().copied().collect()).unwrap_or_default()
    }

    /// The aggregates that have waited longest, oldest first.
    async fn stale(&self, collection: &'static str) -> Result<Vec<Unpublished>, StoreError> {
        let table = Table::<Unpublished>::new(&self.database, collection, "event");
        let before = date_time(self.clock.now() - jiff::SignedDuration::try_from(self.after).unwrap_or_default());
        let filter = doc! {"unpublished_since": {"$lte": before}};
        let oldest_first: Document = doc! {"unpublished_since": 1};
        table.find(None, filter, oldest_first, MAX_SWEPT).await
    }

    /// Whether to go on: a broker that is away for one is away for all.
    async fn deliver(&self, collection: &'static str, stale: &[Unpublished]) -> bool {
        for rows in stale.chunks(MAX_AT_ONCE) {
            let mut deliveries = Vec::with_capacity(rows.len());
            for row in rows {
                let offer = Offer::new(collection, &row.id, row.outbox.clone());
                deliveries.push(self.relay.clone().deliver(offer));
            }
            if future::join_all(deliveries).await.contains(&Outcome::Unavailable) {
                return false;
            }
        }
        true
    }

    fn observe(&self, collection: &'static str, stale: &[Unpublished]) {
        let oldest = stale.first().and_then(|row| row.unpublished_since).map(timestamp);
        let age = oldest.map_or(0.0, |oldest| self.clock.now().duration_since(oldest).as_secs_f64());
        metrics::gauge!("katonic_store_outbox_age_seconds", "collection" => collection).set(age);
    }
}
