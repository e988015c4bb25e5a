//! Several documents at once, each aggregate with its own event (DESIGN W1).
//!
//! The work is run again from its start when another transaction got in its
//! way, so it must do nothing but read and write through the transaction. Its
//! events are relayed after the commit; a crash in between leaves them to the
//! sweeper.

use bson::Document;
use mongodb::{Client, ClientSession, error::UNKNOWN_TRANSACTION_COMMIT_RESULT};

use crate::{
    aggregate::{Aggregate, Fact, Idempotency, Record, Stored},
    collection::{Attempt, Collection, Room},
    error::StoreError,
    lease::{Epoch, Lease},
    records::Records,
    relay::{Offer, Relay},
    retry,
    row::AggregateRow,
    table::{durable, in_time},
};

/// How often a commit of unknown outcome is asked for again.
const COMMIT_TRIES: usize = 3;

/// A transaction that is under way.
pub struct Transaction {
    session: ClientSession,
    offers: Vec<Offer>,
    outrun: bool,
}

impl Transaction {
    /// Inserts a new aggregate with its first event. Whoever has an
    /// Idempotency-Key asks [`Collection::replay`] first, and again after a duplicate.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] where an id, a unique index or the Idempotency-Key has one already.
    pub async fn insert<T: Aggregate>(
        &mut self,
        collection: &Collection<T>,
        state: T,
        fact: Fact,
        idempotency: Option<Idempotency>,
    ) -> Result<Stored<T>, StoreError> {
        let row = collection.first_row(state, fact, idempotency);
        let inserted = collection.table.insert(Some(&mut self.session), &row).await;
        self.watch(inserted)?;
        Ok(self.written(row))
    }

    /// Changes an aggregate, as [`Collection::update`] does.
    ///
    /// # Errors
    /// What `change` answers, [`StoreError::NotFound`], [`StoreError::OutboxFull`] at 64 waiting events.
    pub async fn update<T: Aggregate, E: From<StoreError>>(
        &mut self,
        collection: &Collection<T>,
        id: &T::Id,
        change: impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        self.change(collection, id, Room::Due, change).await
    }

    /// Changes an aggregate, as [`Collection::command`] does.
    ///
    /// # Errors
    /// As [`Self::update`], but [`StoreError::OutboxFull`] at 48 waiting events.
    pub async fn command<T: Aggregate, E: From<StoreError>>(
        &mut self,
        collection: &Collection<T>,
        id: &T::Id,
        change: impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        self.change(collection, id, Room::Command, change).await
    }

    /// The aggregate of an id, as this transaction sees it.
    pub async fn get<T: Aggregate>(
        &mut self,
        collection: &Collection<T>,
        id: &T::Id,
    ) -> Result<Option<Stored<T>>, StoreError> {
        let row = collection.table.load(Some(&mut self.session), &id.to_string()).await;
        Ok(self.watch(row)?.map(Stored::from))
    }

    /// Inserts a new record.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] where an id or unique index has one already.
    pub async fn insert_record<T: Record>(&mut self, records: &Records<T>, state: T) -> Result<(), StoreError> {
        let row = records.first_row(state, None);
        let inserted = records.table.insert(Some(&mut self.session), &row).await;
        self.watch(inserted)
    }

    /// Changes a record.
    ///
    /// # Errors
    /// What `change` answers, [`StoreError::NotFound`].
    pub async fn update_record<T: Record, E: From<StoreError>>(
        &mut self,
        records: &Records<T>,
        id: &T::Id,
        mut change: impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<T, E> {
        let tried = records.try_update(Some(&mut self.session), &id.to_string(), &mut change).await;
        match self.watch(tried)? {
            Attempt::Written(row) | Attempt::Unchanged(row) => Ok(row.state),
            Attempt::Refused(refusal) => Err(refusal),
            Attempt::Outrun => Err(self.outran(T::ENTITY, id.to_string()).into()),
        }
    }

    /// Inserts new records in one round trip.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] where an id or unique index has one already.
    pub async fn insert_records<T: Record>(&mut self, records: &Records<T>, states: Vec<T>) -> Result<(), StoreError> {
        if states.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = states.into_iter().map(|state| records.first_row(state, None)).collect();
        let inserted = records.table.insert_all(&mut self.session, &rows).await;
        self.watch(inserted)
    }

    /// Writes records whole in one round trip, whether they were there or not:
    /// for rows that only this transaction's fenced writer knows.
    ///
    /// # Errors
    /// The store's.
    pub async fn put_records<T: Record>(&mut self, records: &Records<T>, states: Vec<T>) -> Result<(), StoreError> {
        if states.is_empty() {
            return Ok(());
        }
        let updates = states.iter().map(|state| records.whole(state)).collect::<Result<_, _>>()?;
        let put = records.table.upsert_each(&mut self.session, updates).await;
        self.watch(put)
    }

    /// Up to `limit` records that match, as this transaction sees them.
    pub async fn find_records<T: Record>(
        &mut self,
        records: &Records<T>,
        filter: Document,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let found = records.table.find(Some(&mut self.session), filter, Document::new(), limit).await;
        Ok(self.watch(found)?.into_iter().map(|row| row.state).collect())
    }

    /// Makes the commit depend on still holding a lease: the transaction of a
    /// stale holder fails with [`StoreError::LeaseLost`] (DESIGN X4).
    pub async fn fence(&mut self, lease: &Lease, epoch: Epoch) -> Result<(), StoreError> {
        let fenced = lease.fence(&mut self.session, epoch).await;
        self.watch(fenced)
    }

    async fn change<T: Aggregate, E: From<StoreError>>(
        &mut self,
        collection: &Collection<T>,
        id: &T::Id,
        room: Room,
        mut change: impl FnMut(&mut T) -> Result<Option<Fact>, E>,
    ) -> Result<Stored<T>, E> {
        let tried = collection.try_update(Some(&mut self.session), &id.to_string(), room, &mut change).await;
        match self.watch(tried)? {
            Attempt::Written(row) => Ok(self.written(row)),
            Attempt::Unchanged(row) => Ok(row.into()),
            Attempt::Refused(refusal) => Err(refusal),
            Attempt::Outrun => Err(self.outran(T::ENTITY, id.to_string()).into()),
        }
    }

    fn written<T: Aggregate>(&mut self, row: AggregateRow<T>) -> Stored<T> {
        self.offers.push(Collection::<T>::offer(&row));
        row.into()
    }

    fn outran(&mut self, entity: &'static str, id: String) -> StoreError {
        self.outrun = true;
        StoreError::Contended { entity, id }
    }

    /// Remembers whether a failure is worth another run, whatever the caller makes of it.
    fn watch<V>(&mut self, result: Result<V, StoreError>) -> Result<V, StoreError> {
        self.outrun |= result.as_ref().err().is_some_and(StoreError::transient);
        result
    }
}

/// Runs `work` in a transaction until it commits or fails by itself.
pub(crate) async fn run<V, E: From<StoreError>>(
    client: &Client,
    relay: &Relay,
    mut work: impl AsyncFnMut(&mut Transaction) -> Result<V, E>,
) -> Result<V, E> {
    let mut delays = retry::delays();
    loop {
        let mut transaction = begin(client).await?;
        let outcome = work(&mut transaction).await;
        let retried = match outcome {
            Ok(value) => match commit(&mut transaction.session).await {
                Ok(()) => {
                    transaction.offers.into_iter().for_each(|offer| relay.offer(offer));
                    return Ok(value);
                }
                Err(error) if error.transient() => transaction,
                Err(error) => return Err(error.into()),
            },
            Err(_) if transaction.outrun => transaction,
            Err(error) => {
                abort(transaction.session).await;
                return Err(error);
            }
        };
        abort(retried.session).await;
        match delays.next() {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Err(StoreError::TransactionContended.into()),
        }
    }
}

async fn begin(client: &Client) -> Result<Transaction, StoreError> {
    let mut session = in_time("session", async { client.start_session().await }).await?;
    in_time("transaction", async { session.start_transaction().write_concern(durable()).await }).await?;
    Ok(Transaction { session, offers: Vec::new(), outrun: false })
}

async fn commit(session: &mut ClientSession) -> Result<(), StoreError> {
    let mut tries = 1;
    loop {
        match in_time("transaction", async { session.commit_transaction().await }).await {
            Err(StoreError::Driver(error) | StoreError::Unavailable(error))
                if tries < COMMIT_TRIES && error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) =>
            {
                tries += 1;
            }
            committed => return committed,
        }
    }
}

/// Best effort: the server ends what is left behind.
async fn abort(mut session: ClientSession) {
    if let Err(error) = in_time("transaction", async { session.abort_transaction().await }).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a transaction was not aborted");
    }
}
