//! Dense numbers: 1, 2, 3 … per key, gaps allowed, never twice. Lists walk
//! them (DESIGN W4). One `$inc k` serves the k creates that wait together.

use std::{collections::HashMap, iter};

use bson::doc;
use mongodb::Database;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::{collection::number, error::StoreError, table::Table};

const COLLECTION: &str = "numbers";
/// Creates that may wait for a number: beyond it they wait for room.
const MAX_WAITING: usize = 256;

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    key: String,
    last: u64,
}

struct Request {
    key: String,
    taken: oneshot::Sender<Result<u64, StoreError>>,
}

/// Takes numbers; cheap to clone.
#[derive(Clone)]
pub struct Numbers {
    requests: mpsc::Sender<Request>,
    table: Table<Row>,
}

pub(crate) struct NumbersTask {
    requests: mpsc::Receiver<Request>,
    table: Table<Row>,
}

impl Numbers {
    pub(crate) fn new(database: &Database) -> (Self, NumbersTask) {
        let (requests, receiver) = mpsc::channel(MAX_WAITING);
        let table = Table::new(database, COLLECTION, "number");
        (Self { requests, table: table.clone() }, NumbersTask { requests: receiver, table })
    }

    /// The next number of a key, such as `executions/prj_…`.
    pub async fn take(&self, key: impl Into<String>) -> Result<u64, StoreError> {
        let (taken, number) = oneshot::channel();
        self.requests.send(Request { key: key.into(), taken }).await.map_err(|_| StoreError::Closed)?;
        number.await.map_err(|_| StoreError::Closed)?
    }

    /// The last number of a key that was taken; 0 before the first.
    pub async fn last(&self, key: &str) -> Result<u64, StoreError> {
        Ok(self.table.load(None, key).await?.map_or(0, |row| row.last))
    }
}

impl NumbersTask {
    /// Runs until every [`Numbers`] is dropped.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_WAITING);
        while self.requests.recv_many(&mut batch, MAX_WAITING).await > 0 {
            let mut by_key: HashMap<String, Vec<oneshot::Sender<_>>> = HashMap::new();
            for Request { key, taken } in batch.drain(..) {
                by_key.entry(key).or_default().push(taken);
            }
            for (key, waiting) in by_key {
                self.serve(&key, waiting).await;
            }
        }
    }

    async fn serve(&self, key: &str, waiting: Vec<oneshot::Sender<Result<u64, StoreError>>>) {
        let count = waiting.len() as u64;
        let increment = doc! {"$inc": {"last": number(count)}};
        let row = self.table.upsert(doc! {"_id": key}, increment).await;
        let numbers: Box<dyn Iterator<Item = Result<u64, StoreError>> + Send> = match row {
            Ok(row) => Box::new((row.last + 1 - count..=row.last).map(Ok)),
            Err(error) => {
                tracing::warn!(key, error = &error as &dyn std::error::Error, "no number could be taken");
                Box::new(iter::repeat_with(|| Err(StoreError::Timeout)))
            }
        };
        for (taken, number) in waiting.into_iter().zip(numbers) {
            // Whoever asked may have gone: a gap.
            let _ = taken.send(number);
        }
    }
}
