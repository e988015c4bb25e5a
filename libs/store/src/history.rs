//! The events of an aggregate that have left its outbox, for ever: one document
//! each, `_id` the event's id, so that inserting twice is inserting once.

use bson::{DateTime, doc};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Version, collection::number, error::StoreError, outbox::OutboxEntry, row::timestamp, table::Table,
};

/// One event of an aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The event's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The aggregate's id.
    pub aggregate: String,
    /// The aggregate's version with this event.
    pub sequence: Version,
    /// What happened.
    pub fact: String,
    /// The `CloudEvents` envelope as JSON text, as it was published.
    pub body: String,
    at: DateTime,
}

impl HistoryEntry {
    pub(crate) fn new(aggregate: &str, entry: OutboxEntry) -> Self {
        let OutboxEntry { id, sequence, fact, body, at, .. } = entry;
        Self { id, aggregate: aggregate.to_owned(), sequence, fact, body, at }
    }

    /// When it was committed.
    pub fn at(&self) -> Timestamp {
        timestamp(self.at)
    }
}

/// The name of an aggregate collection's history.
pub(crate) fn name(collection: &str) -> String {
    format!("{collection}_history")
}

/// The past events after a version. Sequences are dense, so the range itself bounds the work.
pub(crate) async fn after(
    table: &Table<HistoryEntry>,
    aggregate: &str,
    after: Version,
    limit: usize,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let up_to = after.get().saturating_add(limit as u64);
    let range = doc! {"$gt": number(after.get()), "$lte": number(up_to)};
    table.find(None, doc! {"aggregate": aggregate, "sequence": range}, doc! {"sequence": 1}, limit).await
}

/// Past and waiting events in order, each once.
pub(crate) fn merge(
    past: Vec<HistoryEntry>,
    waiting: Vec<OutboxEntry>,
    aggregate: &str,
    after: Version,
    limit: usize,
) -> Vec<HistoryEntry> {
    let mut entries = past;
    let last = entries.last().map_or(after, |entry| entry.sequence);
    let newer = waiting.into_iter().filter(|entry| entry.sequence > last);
    entries.extend(newer.map(|entry| HistoryEntry::new(aggregate, entry)));
    entries.truncate(limit);
    entries
}
