//! One MongoDB collection with our habits: majority and journaled writes, a
//! deadline on every call, driver errors classified, inside a transaction or not.

#![expect(clippy::disallowed_methods, reason = "the one place that the others go through")]

use std::time::Duration;

use bson::{Document, doc};
use futures::{Stream, TryStreamExt, future::BoxFuture, stream};
use katonic_proto::aggregates::Standing;
use mongodb::{
    ClientSession, Collection, Cursor, Database, IndexModel,
    options::{CollectionOptions, ReturnDocument, WriteConcern},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{error::StoreError, retry};

/// Longer than any single call takes on a healthy store, shorter than a caller's patience.
const DEADLINE: Duration = Duration::from_secs(10);

/// The session of a transaction, where there is one.
pub(crate) type Session<'a> = Option<&'a mut ClientSession>;

#[derive(Debug)]
pub(crate) struct Table<R: Send + Sync> {
    collection: Collection<R>,
    entity: &'static str,
}

impl<R: Send + Sync> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { collection: self.collection.clone(), entity: self.entity }
    }
}

impl<R: Serialize + DeserializeOwned + Send + Sync> Table<R> {
    pub fn new(database: &Database, name: &str, entity: &'static str) -> Self {
        let options = CollectionOptions::builder().write_concern(durable()).build();
        Self { collection: database.collection_with_options(name, options), entity }
    }

    pub async fn create_indexes(&self, indexes: Vec<IndexModel>) -> Result<(), StoreError> {
        if indexes.is_empty() {
            return Ok(());
        }
        self.call(Box::pin(async move { self.collection.create_indexes(indexes).await })).await.map(drop)
    }

    pub async fn load(&self, session: Session<'_>, id: &str) -> Result<Option<R>, StoreError> {
        self.find_one(session, doc! {"_id": id}).await
    }

    pub async fn find_one(&self, session: Session<'_>, filter: Document) -> Result<Option<R>, StoreError> {
        let find = self.collection.find_one(filter);
        match session {
            Some(session) => self.call(Box::pin(async move { find.session(session).await })).await,
            None => self.call(Box::pin(async move { find.await })).await,
        }
    }

    pub async fn insert(&self, session: Session<'_>, row: &R) -> Result<(), StoreError> {
        let insert = self.collection.insert_one(row);
        match session {
            Some(session) => self.call(Box::pin(async move { insert.session(session).await })).await.map(drop),
            None => self.call(Box::pin(async move { insert.await })).await.map(drop),
        }
    }

    /// Inserts what is not there yet.
    pub async fn insert_missing(&self, rows: &[R]) -> Result<(), StoreError> {
        match self.call(Box::pin(async move { self.collection.insert_many(rows).ordered(false).await })).await {
            Ok(_) | Err(StoreError::Duplicate { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Inserts several, or none where one is there already.
    pub async fn insert_all(&self, session: &mut ClientSession, rows: &[R]) -> Result<(), StoreError> {
        let insert = self.collection.insert_many(rows);
        self.call(Box::pin(async move { insert.session(session).await })).await.map(drop)
    }

    /// Applies each update to the document of its id, which is made where there is none.
    pub async fn upsert_each(
        &self,
        session: &mut ClientSession,
        updates: Vec<(String, Document)>,
    ) -> Result<(), StoreError> {
        let updates: Vec<Document> =
            updates.into_iter().map(|(id, update)| doc! {"q": {"_id": id}, "u": update, "upsert": true}).collect();
        let command = doc! {"update": self.collection.name(), "updates": updates};
        let database = self.collection.client().database(&self.collection.namespace().db);
        let answer = Box::pin(async move { database.run_command(command).session(session).await });
        refused(self.call(answer).await?)
    }

    /// The id and version of every aggregate, read as they are taken.
    pub fn standings(&self) -> impl Stream<Item = Result<Standing, StoreError>> + Send + use<R> {
        let (collection, entity) = (self.collection.clone_with_type::<StandingRow>(), self.entity);
        stream::try_unfold(None, move |cursor: Option<Cursor<StandingRow>>| {
            let collection = collection.clone();
            async move {
                let open: BoxFuture<'static, mongodb::error::Result<_>> = Box::pin(async move {
                    match cursor {
                        Some(cursor) => Ok(cursor),
                        None => collection.find(doc! {}).projection(doc! {"version": 1}).await,
                    }
                });
                let mut cursor = in_time(entity, open).await?;
                let row = in_time(entity, cursor.try_next()).await?;
                Ok(row.map(|StandingRow { id, version }| (Standing { id, version }, Some(cursor))))
            }
        })
    }

    /// Applies `update` to the document that `filter` still matches; answers it as it is then.
    pub async fn swap(
        &self,
        session: Session<'_>,
        filter: Document,
        update: Document,
    ) -> Result<Option<R>, StoreError> {
        let swap = self.collection.find_one_and_update(filter, update).return_document(ReturnDocument::After);
        match session {
            Some(session) => self.call(Box::pin(async move { swap.session(session).await })).await,
            None => self.call(Box::pin(async move { swap.await })).await,
        }
    }

    /// As [`Self::swap`], but inserts where nothing matches. Of two that find
    /// nothing at once one is refused, or told of nothing: it finds the other's then.
    pub async fn upsert(&self, filter: Document, update: Document) -> Result<R, StoreError> {
        let mut delays = retry::delays();
        loop {
            match self.try_upsert(filter.clone(), update.clone()).await {
                Ok(Some(row)) => return Ok(row),
                Ok(None) | Err(StoreError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
            let delay = delays.next().ok_or(StoreError::TransactionContended)?;
            tokio::time::sleep(delay).await;
        }
    }

    async fn try_upsert(&self, filter: Document, update: Document) -> Result<Option<R>, StoreError> {
        let swap = self.collection.find_one_and_update(filter, update);
        let swap = swap.upsert(true).return_document(ReturnDocument::After);
        self.call(Box::pin(async move { swap.await })).await
    }

    /// Applies a pipeline to the documents of these ids, in one round trip but
    /// each by itself: an update of many at once may hold the collection while
    /// it waits for a transaction that needs the collection, and neither ends.
    pub async fn update_each(&self, ids: &[&str], pipeline: &[Document]) -> Result<(), StoreError> {
        let updates: Vec<Document> = ids.iter().map(|id| doc! {"q": {"_id": id}, "u": pipeline}).collect();
        let journaled = doc! {"w": "majority", "j": true};
        let command =
            doc! {"update": self.collection.name(), "updates": updates, "ordered": false, "writeConcern": journaled};
        let database = self.collection.client().database(&self.collection.namespace().db);
        let answer = self.call(Box::pin(async move { database.run_command(command).await })).await?;
        refused(answer)
    }

    pub async fn delete(&self, session: Session<'_>, filter: Document) -> Result<bool, StoreError> {
        let delete = self.collection.delete_one(filter);
        let result = match session {
            Some(session) => self.call(Box::pin(async move { delete.session(session).await })).await,
            None => self.call(Box::pin(async move { delete.await })).await,
        };
        result.map(|result| result.deleted_count > 0)
    }

    /// Every match up to `limit`. The store looks at all that match before it
    /// limits, so the filter itself must be narrow (DESIGN W4).
    pub async fn find(
        &self,
        session: Session<'_>,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<R>, StoreError> {
        let find = self.collection.find(filter).sort(sort).limit(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: BoxFuture<'_, mongodb::error::Result<Vec<R>>> = match session {
            Some(session) => Box::pin(async move {
                let mut cursor = find.session(&mut *session).await?;
                let mut rows = Vec::new();
                while let Some(row) = cursor.next(&mut *session).await {
                    rows.push(row?);
                }
                Ok(rows)
            }),
            None => Box::pin(async move { find.await?.try_collect().await }),
        };
        self.call(rows).await
    }

    /// Some fields of every match up to `limit`; the filter itself must be narrow, as in [`Self::find`].
    pub async fn view<V>(&self, filter: Document, fields: Document, limit: usize) -> Result<Vec<V>, StoreError>
    where
        V: DeserializeOwned + Send + Sync,
    {
        let collection = self.collection.clone_with_type::<V>();
        let find = collection.find(filter).projection(fields).limit(i64::try_from(limit).unwrap_or(i64::MAX));
        self.call(Box::pin(async move { find.await?.try_collect().await })).await
    }

    /// Boxed, because the compiler cannot see through the driver's actions that
    /// a future which holds one may move between threads.
    async fn call<T>(&self, action: BoxFuture<'_, mongodb::error::Result<T>>) -> Result<T, StoreError> {
        in_time(self.entity, action).await
    }
}

/// What a walk reads of any aggregate's document.
#[derive(Serialize, Deserialize)]
struct StandingRow {
    #[serde(rename = "_id")]
    id: String,
    version: u64,
}

/// The error of an `update` command that answered but did not do all of it.
fn refused(answer: Document) -> Result<(), StoreError> {
    match answer.get_array("writeErrors") {
        Ok(errors) if !errors.is_empty() => Err(StoreError::Driver(mongodb::error::Error::custom(answer))),
        _ => Ok(()),
    }
}

/// The deadline and the errors of every call.
pub(crate) async fn in_time<T>(
    entity: &'static str,
    action: impl Future<Output = mongodb::error::Result<T>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(DEADLINE, action).await {
        Ok(result) => result.map_err(|error| StoreError::driver(entity, error)),
        Err(_) => Err(StoreError::Timeout),
    }
}

/// Acknowledged only once a majority has it in its journal.
pub(crate) fn durable() -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern
}
