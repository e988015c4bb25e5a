//! From a line to its follower.
//!
//! Hops: user code → pipe → parent → file append → agent (inotify, one read) →
//! gateway → owner → Redis → owner → gateway → client (SSE). No durable write
//! is on the way: a line is acknowledged as kept later, by a segment; the file
//! is what survives the owner, Redis what survives its replacement.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use futures::Stream;
use prost::Message;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

use super::pb;

/// What is known of all logs.
pub struct Logs {
    redis: MultiplexedConnection,
    logs: Mutex<HashMap<String, Arc<Log>>>,
}

struct Log {
    entries: Mutex<Vec<pb::Entry>>,
    /// How many entries there are, and whether no more will come.
    tip: watch::Sender<(usize, bool)>,
}

impl Logs {
    /// Over one connection.
    pub async fn connect(uri: &str) -> Result<Self> {
        let redis = redis::Client::open(uri)?.get_multiplexed_async_connection().await?;
        Ok(Self { redis, logs: Mutex::default() })
    }

    /// Redis first, then those who follow. A stream refuses an entry that is not
    /// higher than its last: nothing more is needed for their order.
    pub async fn append(&self, lines: pb::Lines) -> Result<u64> {
        let log = self.log(&lines.execution_id);
        let key = format!("katonic:logs:{{floor/{}}}", lines.execution_id);
        let mut redis = self.redis.clone();
        if let Some(last) = lines.entries.last() {
            let mut append = redis::cmd("XADD");
            append.arg(&key).arg(last.seq).arg("r").arg(lines.encode_to_vec());
            let _id: String = append.query_async(&mut redis).await.context("XADD")?;
        }
        if lines.ended {
            let _removed: u64 = redis::cmd("DEL").arg(&key).query_async(&mut redis).await.context("DEL")?;
        }
        let mut entries = log.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.extend(lines.entries);
        log.tip.send_replace((entries.len(), lines.ended));
        Ok(entries.last().map_or(1, |last| last.seq + 1))
    }

    /// What is there, then what comes.
    pub fn follow(self: Arc<Self>, id: String) -> impl Stream<Item = pb::Lines> {
        let log = self.log(&id);
        let mut seen = 0;
        let tips = WatchStream::new(log.tip.subscribe());
        tips.filter_map(move |(count, ended)| {
            let entries = log.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let new = entries.get(seen..count).unwrap_or_default().to_vec();
            seen = count;
            (ended || !new.is_empty()).then(|| pb::Lines { execution_id: id.clone(), entries: new, ended })
        })
    }

    fn log(&self, id: &str) -> Arc<Log> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Log { entries: Mutex::default(), tip: watch::Sender::new((0, false)) });
        Arc::clone(logs.entry(id.to_owned()).or_insert_with(fresh))
    }
}
