//! One MongoDB collection with our habits: majority and journaled writes, a
//! deadline on every call, driver errors classified, inside a transaction or not.

#![expect(clippy::disallowed_methods, reason = "the one place that the others go through")]

use std::time::Duration;

use bson::{Document, doc};
use futures::{TryStreamExt, future::BoxFuture};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    options::{CollectionOptions, ReturnDocument, WriteConcern},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::StoreError;

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

    /// As [`Self::swap`], but inserts where nothing matches.
    pub async fn upsert(&self, filter: Document, update: Document) -> Result<Option<R>, StoreError> {
        let swap = self.collection.find_one_and_update(filter, update);
        let swap = swap.upsert(true).return_document(ReturnDocument::After);
        self.call(Box::pin(async move { swap.await })).await
    }

    /// Applies a pipeline to every document that `filter` matches.
    pub async fn update_all(&self, filter: Document, pipeline: Vec<Document>) -> Result<(), StoreError> {
        self.call(Box::pin(async move { self.collection.update_many(filter, pipeline).await })).await.map(drop)
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

    /// Boxed, because the compiler cannot see through the driver's actions that
    /// a future which holds one may move between threads.
    async fn call<T>(&self, action: BoxFuture<'_, mongodb::error::Result<T>>) -> Result<T, StoreError> {
        match tokio::time::timeout(DEADLINE, action).await {
            Ok(result) => result.map_err(|error| StoreError::driver(self.entity, error)),
            Err(_) => Err(StoreError::Timeout),
        }
    }
}

/// Acknowledged only once a majority has it in its journal.
pub(crate) fn durable() -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern
}
