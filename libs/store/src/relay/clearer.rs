//! Removes what was published: one round trip for all that wait together.
//!
//! Event ids are unique, so one pipeline clears exactly the published entries of
//! many aggregates; an entry pushed meanwhile stays. A lost clear only means
//! that the same event is published again.

use std::collections::HashMap;

use bson::{Document, doc};
use mongodb::Database;
use tokio::sync::{mpsc, oneshot};

use super::Key;
use crate::{error::StoreError, table::Table};

/// As many as can be in flight: a clear never waits for room.
const MAX_BATCH: usize = 64;

struct Request {
    key: Key,
    events: Vec<String>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Hands in what to clear.
#[derive(Clone)]
pub(crate) struct Clearer {
    requests: mpsc::Sender<Request>,
}

/// Does it, in batches.
pub(crate) struct ClearerTask {
    requests: mpsc::Receiver<Request>,
    database: Database,
}

impl Clearer {
    pub fn new(database: Database) -> (Self, ClearerTask) {
        let (requests, receiver) = mpsc::channel(MAX_BATCH);
        (Self { requests }, ClearerTask { requests: receiver, database })
    }

    pub(super) async fn clear(&self, key: Key, events: Vec<String>) -> Result<(), StoreError> {
        let (done, cleared) = oneshot::channel();
        self.requests.send(Request { key, events, done }).await.map_err(|_| StoreError::Closed)?;
        cleared.await.map_err(|_| StoreError::Closed)?
    }
}

impl ClearerTask {
    /// Runs until every [`Clearer`] is dropped.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while self.requests.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let mut by_collection: HashMap<&'static str, Vec<Request>> = HashMap::new();
            for request in batch.drain(..) {
                by_collection.entry(request.key.0).or_default().push(request);
            }
            for (collection, requests) in by_collection {
                self.clear(collection, requests).await;
            }
        }
    }

    async fn clear(&self, collection: &'static str, requests: Vec<Request>) {
        let ids: Vec<&str> = requests.iter().map(|request| request.key.1.as_str()).collect();
        let events: Vec<&str> = requests.iter().flat_map(|request| &request.events).map(String::as_str).collect();
        let table = Table::<Document>::new(&self.database, collection, "event");
        let cleared = table.update_each(&ids, &pipeline(&events)).await;
        let failure = cleared.err().map(|error| error.to_string());
        for request in requests {
            // Whoever asked may have gone.
            let _ = request.done.send(match &failure {
                None => Ok(()),
                Some(_) => Err(StoreError::Timeout),
            });
        }
        if let Some(failure) = failure {
            tracing::warn!(failure, "published events are not cleared yet");
        }
    }
}

fn pipeline(events: &[&str]) -> Vec<Document> {
    let still_waits = doc! {"$not": [{"$in": ["$$entry.id", events]}]};
    let left = doc! {"$filter": {"input": "$outbox", "as": "entry", "cond": still_waits}};
    // The first is the oldest. Not the least of `$outbox.at`: SecantusDB answers null for a path through an array,
    // and a null is never left again, since `$min` keeps it.
    let first = doc! {"$let": {"vars": {"first": {"$arrayElemAt": ["$outbox", 0]}}, "in": "$$first.at"}};
    let oldest = doc! {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", first]};
    vec![doc! {"$set": {"outbox": left}}, doc! {"$set": {"unpublished_since": oldest}}]
}
