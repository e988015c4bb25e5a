//! Documents without events: members, subscriptions, what only we ask for.
//! The same compare-and-set as for aggregates, without version and outbox.

use std::sync::Arc;

use bson::{Document, doc};
use katonic_domain::Clock;

use crate::{
    aggregate::{Idempotency, Insertion, Record},
    collection::{Attempt, number},
    diff::Diff,
    error::StoreError,
    page::{Page, Walk},
    retry,
    row::{RecordRow, date_time},
    table::{Session, Table},
};

/// The records of one type.
pub struct Records<T: Record> {
    pub(crate) table: Table<RecordRow<T>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<T: Record> Clone for Records<T> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), clock: self.clock.clone() }
    }
}

impl<T: Record> Records<T> {
    /// Inserts a new record. With an Idempotency-Key that was used before,
    /// answers what that made, as it is now.
    ///
    /// # Errors
    /// As [`crate::Collection::insert`].
    pub async fn insert(&self, state: T, idempotency: Option<Idempotency>) -> Result<Insertion<T>, StoreError> {
        if let Some(stored) = self.replay(idempotency.as_ref()).await? {
            return Ok(Insertion { stored, replayed: true });
        }
        let row = self.first_row(state, idempotency);
        match self.table.insert(None, &row).await {
            Ok(()) => Ok(Insertion { stored: row.state, replayed: false }),
            // Another with the same key may have come first, by a moment.
            Err(StoreError::Duplicate { entity }) => match self.replay(row.idempotency.as_ref()).await? {
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
    pub async fn replay(&self, idempotency: Option<&Idempotency>) -> Result<Option<T>, StoreError> {
        let Some(wanted) = idempotency else { return Ok(None) };
        match self.table.find_one(None, doc! {"idempotency.digest": &wanted.digest}).await? {
            Some(row) if row.idempotency.as_ref() != Some(wanted) => Err(StoreError::IdempotencyKeyReused),
            found => Ok(found.map(|row| row.state)),
        }
    }

    /// The record of an id.
    pub async fn get(&self, id: &T::Id) -> Result<Option<T>, StoreError> {
        Ok(self.table.load(None, &id.to_string()).await?.map(|row| row.state))
    }

    /// Changes a record. `change` may run several times, each on what is then in the store.
    ///
    /// # Errors
    /// What `change` answers, [`StoreError::NotFound`], [`StoreError::Contended`].
    pub async fn update<E: From<StoreError>>(
        &self,
        id: &T::Id,
        mut change: impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<T, E> {
        let id = id.to_string();
        let mut delays = retry::delays();
        loop {
            match self.try_update(None, &id, &mut change).await? {
                Attempt::Written(row) | Attempt::Unchanged(row) => return Ok(row.state),
                Attempt::Refused(refusal) => return Err(refusal),
                Attempt::Outrun => match delays.next() {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(StoreError::Contended { entity: T::ENTITY, id }.into()),
                },
            }
        }
    }

    /// Removes a record; whether there was one.
    pub async fn delete(&self, id: &T::Id) -> Result<bool, StoreError> {
        self.table.delete(None, doc! {"_id": id.to_string()}).await
    }

    /// The first match. Fields of the state are named `state.<field>`.
    pub async fn find_one(&self, filter: Document) -> Result<Option<T>, StoreError> {
        Ok(self.table.find_one(None, filter).await?.map(|row| row.state))
    }

    /// Up to `limit` matches of a filter that is narrow by itself (DESIGN W4).
    pub async fn find(&self, filter: Document, sort: Document, limit: usize) -> Result<Vec<T>, StoreError> {
        Ok(self.table.find(None, filter, sort, limit).await?.into_iter().map(|row| row.state).collect())
    }

    /// A page of a list, newest first, whose cost is the page's (DESIGN W4).
    pub async fn page(&self, walk: Walk, number: impl Fn(&T) -> u64) -> Result<Page<T>, StoreError> {
        walk.collect(&self.table, |row| row.state, number).await
    }

    pub(crate) fn first_row(&self, state: T, idempotency: Option<Idempotency>) -> RecordRow<T> {
        RecordRow { id: state.id().to_string(), writes: 1, changed_at: date_time(self.clock.now()), idempotency, state }
    }

    /// The id of a record and the update that writes it whole.
    pub(crate) fn whole(&self, state: &T) -> Result<(String, Document), StoreError> {
        let written = bson::serialize_to_bson(state).map_err(StoreError::Encode)?;
        let fields = doc! {"state": written, "changed_at": date_time(self.clock.now())};
        Ok((state.id().to_string(), doc! {"$set": fields, "$inc": {"writes": 1_i64}}))
    }

    /// Reads, changes and writes once.
    pub(crate) async fn try_update<E>(
        &self,
        mut session: Session<'_>,
        id: &str,
        change: &mut impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<Attempt<RecordRow<T>, E>, StoreError> {
        let row = self.table.load(session.as_deref_mut(), id).await?;
        let row = row.ok_or_else(|| StoreError::NotFound { entity: T::ENTITY, id: id.to_owned() })?;
        let mut next = row.state.clone();
        if let Err(refusal) = change(&mut next) {
            return Ok(Attempt::Refused(refusal));
        }
        if next == row.state {
            return Ok(Attempt::Unchanged(row));
        }
        let update = Diff::between(&row.state, &next)?.into_update(doc! {"writes": number(row.writes + 1)});
        let filter = doc! {"_id": id, "writes": number(row.writes)};
        Ok(self.table.swap(session, filter, update).await?.map_or(Attempt::Outrun, Attempt::Written))
    }
}
