//! The write path of aggregates (DESIGN W1): one atomic write, filtered on the
//! version, that carries its event. Nothing else in the platform knows version,
//! outbox and retry.
//!
//! ```text
//!  read row ── change(&mut T) ── diff ── $set changed fields, version+1, $push event
//!     ^                                      │ nobody else wrote meanwhile: committed, relay
//!     └───────── backoff with jitter ────────┘ somebody did: again, on what they left
//! ```
//!
//! A crash before the write changes nothing; after it the event is in the
//! outbox and the sweeper publishes it.

use std::sync::Arc;

use bson::{Bson, Document, doc};
use katonic_domain::{Clock, Timestamp};
use katonic_proto::envelope::{self, Envelope, Happening, Source};
use serde::de::DeserializeOwned;

use crate::{
    aggregate::{Aggregate, Fact, Idempotency, Insertion, Stored, Version},
    diff::Diff,
    error::StoreError,
    history::{self, HistoryEntry},
    outbox::OutboxEntry,
    page::{Page, Walk},
    relay::{Offer, Relay},
    retry,
    row::{AggregateRow, ViewRow, date_time},
    table::{Session, Table},
};

/// Commands and new attempts are refused from here on (DESIGN W3).
pub const COMMAND_BOUND: usize = 48;
/// What must still happen fits in this (DESIGN W3).
const OUTBOX_BOUND: usize = 64;

/// How full an outbox may be for a change to be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    Command,
    Due,
}

impl Room {
    const fn bound(self) -> usize {
        match self {
            Self::Command => COMMAND_BOUND,
            Self::Due => OUTBOX_BOUND,
        }
    }
}

/// What all collections of a store share.
pub(crate) struct Shared {
    pub source: Source,
    pub clock: Arc<dyn Clock>,
    pub relay: Relay,
}

/// The aggregates of one type.
pub struct Collection<T: Aggregate> {
    pub(crate) table: Table<AggregateRow<T>>,
    pub(crate) history: Table<HistoryEntry>,
    pub(crate) shared: Arc<Shared>,
}

impl<T: Aggregate> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), history: self.history.clone(), shared: self.shared.clone() }
    }
}

impl<T: Aggregate> Collection<T> {
    /// Inserts a new aggregate with its first event. With an Idempotency-Key
    /// that was used before, answers what that made, as it is now.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] where an id or unique index has one already,
    /// [`StoreError::IdempotencyKeyReused`] where the key came with another body.
    pub async fn insert(
        &self,
        state: T,
        fact: Fact,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<T>>, StoreError> {
        if let Some(stored) = self.replay(idempotency.as_ref()).await? {
            return Ok(Insertion { stored, replayed: true });
        }
        let row = self.first_row(state, fact, idempotency.clone());
        match self.table.insert(None, &row).await {
            Ok(()) => {
                self.relay(&row);
                Ok(Insertion { stored: row.into(), replayed: false })
            }
            // Another with the same key may have come first, by a moment.
            Err(StoreError::Duplicate { entity }) => match self.replay(idempotency.as_ref()).await? {
                Some(stored) => Ok(Insertion { stored, replayed: true }),
                None => Err(StoreError::Duplicate { entity }),
            },
            Err(error) => Err(error),
        }
    }

    /// What an Idempotency-Key made before, if it did.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyKeyReused`] where the key came with another body.
    pub async fn replay(&self, idempotency: Option<&Idempotency>) -> Result<Option<Stored<T>>, StoreError> {
        let Some(wanted) = idempotency else { return Ok(None) };
        let found = self.table.find_one(None, doc! {"idempotency.digest": &wanted.digest}).await?;
        match found {
            Some(row) if row.idempotency.as_ref() != Some(wanted) => Err(StoreError::IdempotencyKeyReused),
            found => Ok(found.map(Stored::from)),
        }
    }

    /// The aggregate of an id.
    pub async fn get(&self, id: &T::Id) -> Result<Option<Stored<T>>, StoreError> {
        Ok(self.table.load(None, &id.to_string()).await?.map(Stored::from))
    }

    /// Changes an aggregate. `change` may run several times, each on what is
    /// then in the store; what it answers is published with the change. `None`
    /// means that the world need not know: the version stays.
    ///
    /// # Errors
    /// What `change` answers, [`StoreError::NotFound`], [`StoreError::OutboxFull`]
    /// at 64 waiting events, [`StoreError::Contended`].
    pub async fn update<E: From<StoreError>>(
        &self,
        id: &T::Id,
        mut change: impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        self.update_with_retry(&id.to_string(), Room::Due, &mut change).await
    }

    /// As [`Self::update`], for commands and new attempts: refused already at
    /// 48 waiting events, so that what must still happen finds room (DESIGN W3).
    ///
    /// # Errors
    /// As [`Self::update`].
    pub async fn command<E: From<StoreError>>(
        &self,
        id: &T::Id,
        mut change: impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        self.update_with_retry(&id.to_string(), Room::Command, &mut change).await
    }

    /// The first match. Fields of the state are named `state.<field>`.
    pub async fn find_one(&self, filter: Document) -> Result<Option<Stored<T>>, StoreError> {
        Ok(self.table.find_one(None, filter).await?.map(Stored::from))
    }

    /// Up to `limit` matches of a filter that is narrow by itself (DESIGN W4).
    pub async fn find(&self, filter: Document, sort: Document, limit: usize) -> Result<Vec<Stored<T>>, StoreError> {
        Ok(self.table.find(None, filter, sort, limit).await?.into_iter().map(Stored::from).collect())
    }

    /// Some fields of up to `limit` matches, for reading many: `V` is a state of these fields only.
    ///
    /// # Errors
    /// The store's; a field that `V` lacks.
    pub async fn view<V>(&self, filter: Document, fields: &[&str], limit: usize) -> Result<Vec<V>, StoreError>
    where
        V: DeserializeOwned + Send + Sync,
    {
        let shown = fields.iter().map(|field| (format!("state.{field}"), Bson::Int32(1))).collect();
        let rows: Vec<ViewRow<V>> = self.table.view(filter, shown, limit).await?;
        Ok(rows.into_iter().map(|row| row.state).collect())
    }

    /// A page of a list, newest first, whose cost is the page's (DESIGN W4).
    pub async fn page(&self, walk: Walk, number: impl Fn(&T) -> u64) -> Result<Page<Stored<T>>, StoreError> {
        walk.collect(&self.table, Stored::from, |stored: &Stored<T>| number(&stored.state)).await
    }

    /// The events of an aggregate after a version, oldest first.
    pub async fn history(&self, id: &T::Id, after: Version, limit: usize) -> Result<Vec<HistoryEntry>, StoreError> {
        self.history_of(&id.to_string(), after, limit).await
    }

    pub(crate) async fn history_of(
        &self,
        id: &str,
        after: Version,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        // The outbox first: what leaves it meanwhile is in the history already.
        let waiting = self.table.load(None, id).await?.map(|row| row.outbox).unwrap_or_default();
        let past = history::after(&self.history, id, after, limit).await?;
        Ok(history::merge(past, waiting, id, after, limit))
    }

    pub(crate) fn first_row(&self, state: T, fact: Fact, idempotency: Option<Idempotency>) -> AggregateRow<T> {
        let now = self.shared.clock.now();
        let version = Version::ZERO.next();
        let entry = self.render(&state, version, fact, now);
        AggregateRow {
            id: state.id().to_string(),
            version,
            writes: 1,
            created_at: date_time(now),
            changed_at: date_time(now),
            unpublished_since: Some(entry.at),
            outbox: vec![entry],
            idempotency,
            state,
        }
    }

    async fn update_with_retry<E: From<StoreError>>(
        &self,
        id: &str,
        room: Room,
        change: &mut impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        let mut delays = retry::delays();
        loop {
            match self.try_update(None, id, room, change).await? {
                Attempt::Written(row) => {
                    self.relay(&row);
                    return Ok(row.into());
                }
                Attempt::Unchanged(row) => return Ok(row.into()),
                Attempt::Refused(refusal) => return Err(refusal),
                Attempt::Outrun => match delays.next() {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(StoreError::Contended { entity: T::ENTITY, id: id.to_owned() }.into()),
                },
            }
        }
    }

    /// Reads, changes and writes once.
    pub(crate) async fn try_update<E>(
        &self,
        mut session: Session<'_>,
        id: &str,
        room: Room,
        change: &mut impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Attempt<AggregateRow<T>, E>, StoreError> {
        let row = self.table.load(session.as_deref_mut(), id).await?;
        let row = row.ok_or_else(|| StoreError::NotFound { entity: T::ENTITY, id: id.to_owned() })?;
        let mut next = row.state.clone();
        let fact = match change(&mut next) {
            Ok(fact) => fact,
            Err(refusal) => return Ok(Attempt::Refused(refusal)),
        };
        if fact.is_none() && next == row.state {
            return Ok(Attempt::Unchanged(row));
        }
        let update = self.update_document(&row, &next, fact, room)?;
        let filter = doc! {"_id": id, "version": number(row.version.get()), "writes": number(row.writes)};
        let written = self.table.swap(session, filter, update).await?;
        Ok(written.map_or(Attempt::Outrun, Attempt::Written))
    }

    fn update_document(
        &self,
        row: &AggregateRow<T>,
        next: &T,
        fact: Option<Fact>,
        room: Room,
    ) -> Result<Document, StoreError> {
        let diff = Diff::between(&row.state, next)?;
        let writes = number(row.writes + 1);
        let Some(fact) = fact else { return Ok(diff.into_update(doc! {"writes": writes})) };
        let waiting = row.outbox.len();
        if waiting >= room.bound() {
            return Err(StoreError::OutboxFull { entity: T::ENTITY, id: row.id.clone(), waiting });
        }
        let version = row.version.next();
        let entry = self.render(next, version, fact, self.shared.clock.now());
        let at = entry.at;
        let mut update = diff.into_update(doc! {"writes": writes, "version": number(version.get())});
        update.insert("$push", doc! {"outbox": bson::serialize_to_bson(&entry).map_err(StoreError::Encode)?});
        update.insert("$min", doc! {"unpublished_since": at});
        Ok(update)
    }

    fn render(&self, state: &T, version: Version, fact: Fact, now: Timestamp) -> OutboxEntry {
        let project = state.project();
        let subject = state.id().to_string();
        let traceparent = katonic_trace::traceparent();
        let happening = Happening {
            entity: T::ENTITY,
            fact: fact.0,
            subject: &subject,
            sequence: version.get(),
            time: now.to_string(),
            project,
            traceparent: traceparent.clone(),
            data: state.snapshot(version),
        };
        let event = Envelope::new(&self.shared.source, happening);
        OutboxEntry {
            body: serde_json::to_string(&event).expect("an envelope of strings and a JSON value is JSON"),
            id: event.id,
            sequence: version,
            fact: fact.0.to_owned(),
            exchange: T::EXCHANGE.to_owned(),
            routing_key: envelope::routing_key(project, T::ENTITY, fact.0),
            traceparent,
            at: date_time(now),
        }
    }

    pub(crate) fn offer(row: &AggregateRow<T>) -> Offer {
        Offer::new(T::COLLECTION, &row.id, row.outbox.clone())
    }

    fn relay(&self, row: &AggregateRow<T>) {
        self.shared.relay.offer(Self::offer(row));
    }
}

/// What one try of an update came to.
pub(crate) enum Attempt<R, E> {
    /// The document as it is after the write.
    Written(R),
    /// The change changed nothing.
    Unchanged(R),
    /// Somebody else wrote in between.
    Outrun,
    /// The change itself refused.
    Refused(E),
}

/// A counter as the store keeps it.
pub(crate) fn number(value: u64) -> Bson {
    Bson::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}
