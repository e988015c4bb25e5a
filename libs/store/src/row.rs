//! The stored forms. Bookkeeping lies outside `state`, so that a change of `T`
//! never touches it and the relay never touches `T`.
//!
//! `version` rises exactly with an event. `writes` rises with every write of
//! `state`: it is what a compare-and-set filters on beside `version`, so that
//! two changes without an event cannot overwrite one another either.

use bson::DateTime;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::{Idempotency, Stored, Version},
    outbox::OutboxEntry,
};

/// An aggregate's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AggregateRow<T> {
    #[serde(rename = "_id")]
    pub id: String,
    pub version: Version,
    pub writes: u64,
    pub created_at: DateTime,
    pub changed_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpublished_since: Option<DateTime>,
    pub outbox: Vec<OutboxEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    pub state: T,
}

/// A record's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordRow<T> {
    #[serde(rename = "_id")]
    pub id: String,
    pub writes: u64,
    pub changed_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    pub state: T,
}

/// What is read of a document where only some fields of its state are wanted.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ViewRow<V> {
    pub state: V,
}

impl<T> From<AggregateRow<T>> for Stored<T> {
    fn from(row: AggregateRow<T>) -> Self {
        Self {
            state: row.state,
            version: row.version,
            created_at: timestamp(row.created_at),
            changed_at: timestamp(row.changed_at),
            waiting: row.outbox.len(),
        }
    }
}

pub(crate) fn date_time(timestamp: Timestamp) -> DateTime {
    DateTime::from_millis(timestamp.as_millisecond())
}

pub(crate) fn timestamp(date_time: DateTime) -> Timestamp {
    Timestamp::from_millisecond(date_time.timestamp_millis()).unwrap_or_default()
}
