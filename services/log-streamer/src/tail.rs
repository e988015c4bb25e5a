//! The hot tail in Redis: what was accepted lately, for readers at other replicas
//! and for the replica that takes a log over.
//!
//! A log's tail is a Redis stream `katonic:logs:{<member>}` of batches, whose
//! entry ids are the batches' last sequences: reading from a sequence and
//! trimming up to the durable one are single commands. It is a cache: Redis
//! may forget everything, or refuse, and no record is lost (DESIGN L3). After
//! a failure it is left alone for a moment, so that a stuck Redis delays one
//! call and not every one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use katonic_domain::MemberId;
use redis::{
    Client, RedisError, Script, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::Instant;

use crate::domain::{Batch, Seq, batch::BatchError, codec};

/// An answer comes in well under 1 ms; one that takes this long will not help anybody.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long Redis is left alone after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// A tail that nobody touched for 2 days is of no more use: its log was closed while Redis was away.
const TIME_TO_LIVE_S: u64 = 2 * 24 * 3600;
/// Batches read at once; a tail holds at most 16 MiB in all.
const READ_COUNT: usize = 256;

/// Why the tail did not help.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// Redis did not answer, refused, or failed a moment ago.
    #[error("redis is not available")]
    Unavailable(#[source] Option<RedisError>),
    /// What is there was not written by us.
    #[error("the hot tail does not decode")]
    Codec(#[from] codec::CodecError),
    /// What is there is not consecutive.
    #[error("the hot tail is not in order")]
    Batch(#[from] BatchError),
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the tail.
    Taken,
    /// The tail goes on at another sequence.
    Expected(Seq),
}

/// The hot tails of all logs.
pub struct Tail {
    connection: ConnectionManager,
    append: Script,
    pause_until: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tail")
    }
}

impl Tail {
    /// The tails at a Redis URI; it connects at the first use, and again whenever it must.
    pub fn connect(uri: &str) -> Result<Self, TailError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let lazy = |client| ConnectionManager::new_lazy_with_config(client, config);
        let connection = Client::open(uri).and_then(lazy).map_err(|error| TailError::Unavailable(Some(error)))?;
        Ok(Self { connection, append: Script::new(include_str!("tail/append.lua")), pause_until: Mutex::default() })
    }

    /// Takes a batch, if it is the next one after the tail's and the durable end.
    pub async fn append(&self, member: &MemberId, durable: Seq, batch: &Batch) -> Result<Appended, TailError> {
        let records = codec::encode(batch.records());
        let mut call: ScriptInvocation<'_> = self.append.prepare_invoke();
        call.key(key(member)).arg(durable.get()).arg(batch.first().get()).arg(batch.last().get());
        call.arg(records).arg(TIME_TO_LIVE_S);
        let mut connection = self.connection()?;
        let expected: u64 = self.answered(call.invoke_async(&mut connection).await)?;
        Ok(if expected == 0 { Appended::Taken } else { Appended::Expected(Seq::new(expected)) })
    }

    /// The batches that hold `from` and what follows, as far as one reading reaches.
    pub async fn read(&self, member: &MemberId, from: Seq) -> Result<Vec<Batch>, TailError> {
        let mut command = redis::cmd("XRANGE");
        command.arg(key(member)).arg(from.get()).arg("+").arg("COUNT").arg(READ_COUNT);
        let mut connection = self.connection()?;
        let entries: Vec<(String, (String, Vec<u8>))> = self.answered(command.query_async(&mut connection).await)?;
        let batch = |(_, (_, records)): (String, (String, Vec<u8>))| -> Result<Batch, TailError> {
            Ok(Batch::try_new(codec::decode(Bytes::from(records))?)?)
        };
        entries.into_iter().map(batch).collect()
    }

    /// Forgets what is durable.
    pub async fn trim(&self, member: &MemberId, durable: Seq) -> Result<(), TailError> {
        let mut command = redis::cmd("XTRIM");
        command.arg(key(member)).arg("MINID").arg(durable.next().get());
        let mut connection = self.connection()?;
        self.answered(command.query_async(&mut connection).await)
    }

    /// Forgets the tail of a closed log.
    pub async fn forget(&self, member: &MemberId) -> Result<(), TailError> {
        let mut connection = self.connection()?;
        self.answered(redis::cmd("DEL").arg(key(member)).query_async(&mut connection).await)
    }

    fn connection(&self) -> Result<ConnectionManager, TailError> {
        let pause = *self.pause_until.lock().unwrap_or_else(PoisonError::into_inner);
        match pause {
            Some(until) if Instant::now() < until => Err(TailError::Unavailable(None)),
            _ => Ok(self.connection.clone()),
        }
    }

    fn answered<T>(&self, answer: Result<T, RedisError>) -> Result<T, TailError> {
        let mut pause = self.pause_until.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(value) => {
                *pause = None;
                Ok(value)
            }
            Err(error) => {
                *pause = Some(Instant::now() + PAUSE);
                tracing::warn!(%error, "redis does not help, going on without it");
                Err(TailError::Unavailable(Some(error)))
            }
        }
    }
}

fn key(member: &MemberId) -> String {
    format!("katonic:logs:{{{member}}}")
}
