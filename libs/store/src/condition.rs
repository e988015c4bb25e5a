//! What an operator asks of a database: which events wait, and who leads.

use bson::{DateTime, doc};
use katonic_proto::{part::v1 as pb, time};
use serde::{Deserialize, Serialize};

use crate::{error::StoreError, lease, row::timestamp, store::Store, table::Table};

/// Beyond so many nobody counts: something is down.
const MOST_COUNTED: usize = 1_000;
const MOST_LEASES: usize = 100;

#[derive(Serialize, Deserialize)]
struct Waiting {
    unpublished_since: DateTime,
}

impl Store {
    /// The aggregates of each collection whose events the broker does not have yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn outboxes(&self) -> Result<Vec<pb::Outbox>, StoreError> {
        let mut outboxes = Vec::new();
        for collection in self.collections() {
            let table = Table::<Waiting>::new(self.database(), collection, "event");
            let filter = doc! {"unpublished_since": {"$type": "date"}};
            let found = table.find(None, filter, doc! {"unpublished_since": 1}, MOST_COUNTED).await?;
            let oldest = found.first().map(|row| timestamp(row.unpublished_since));
            outboxes.push(pb::Outbox {
                collection: collection.to_owned(),
                waiting: u32::try_from(found.len()).unwrap_or(u32::MAX),
                oldest_time: oldest.map(time::timestamp),
            });
        }
        Ok(outboxes)
    }

    /// Who leads in what.
    ///
    /// # Errors
    /// The store's.
    pub async fn leases(&self) -> Result<Vec<pb::Lease>, StoreError> {
        let rows = lease::table(self.database()).find(None, doc! {}, doc! {"_id": 1}, MOST_LEASES).await?;
        Ok(rows.into_iter().map(lease::Row::describe).collect())
    }
}
