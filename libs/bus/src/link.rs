//! The one connection of a publisher or consumer, opened again when it is lost.
//!
//! Must hold: one attempt at a time; after a failed one, callers are answered
//! at once until the backoff (100 ms doubling to 5 s, with jitter) has passed,
//! so that a broker that comes back is not met by everybody at once.

use std::sync::Arc;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use lapin::{
    Connection, ConnectionProperties, ErrorKind,
    options::QueueDeclareOptions,
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use tokio::{
    sync::Mutex,
    time::{Duration, Instant, timeout},
};

use crate::{bus::BusConfig, publisher::PublishError};

const BROKEN: u16 = 320;

pub(crate) struct Link {
    config: BusConfig,
    state: Mutex<State>,
}

struct State {
    connection: Option<Arc<Connection>>,
    /// No attempt before this time.
    wait_until: Option<Instant>,
    delays: ExponentialBackoff,
}

/// Why there is no connection now.
#[derive(Debug, thiserror::Error)]
enum Outage {
    #[error("the last attempt to connect failed a moment ago")]
    BackingOff,
    #[error("connecting took too long")]
    Slow,
}

impl Link {
    pub(crate) fn new(config: BusConfig) -> Self {
        Self { config, state: Mutex::new(State { connection: None, wait_until: None, delays: delays() }) }
    }

    /// The open connection, or a new one.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, PublishError> {
        let mut state = self.state.lock().await;
        if let Some(open) = state.connection.as_ref().filter(|connection| connection.status().connected()) {
            return Ok(Arc::clone(open));
        }
        state.connection = None;
        if state.wait_until.is_some_and(|until| Instant::now() < until) {
            return Err(PublishError::Unavailable(Outage::BackingOff.into()));
        }
        match self.open().await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *state = State { connection: Some(Arc::clone(&connection)), wait_until: None, delays: delays() };
                Ok(connection)
            }
            Err(error) => {
                state.wait_until = state.delays.next().map(|delay| Instant::now() + delay);
                Err(error)
            }
        }
    }

    /// Gives up a connection that no longer answers; the next caller opens another.
    pub(crate) async fn abandon(&self, broken: &Arc<Connection>) {
        let mut state = self.state.lock().await;
        if state.connection.as_ref().is_some_and(|current| Arc::ptr_eq(current, broken)) {
            tracing::warn!(connection.name = self.config.connection_name, "broker does not answer, connection dropped");
            state.connection = None;
        }
        drop(state);
        // The peer may never answer the close either: it is asked, not waited for.
        let _unanswered = timeout(Duration::ZERO, broken.close(BROKEN, "no answer in time".into())).await;
    }

    async fn open(&self) -> Result<Connection, PublishError> {
        let properties =
            ConnectionProperties::default().with_connection_name(self.config.connection_name.as_str().into());
        let connecting = Connection::connect(&self.config.uri, properties);
        match timeout(self.config.connect_timeout, connecting).await {
            Ok(Ok(connection)) => {
                tracing::info!(connection.name = self.config.connection_name, "connected to the broker");
                Ok(connection)
            }
            Ok(Err(error)) => Err(PublishError::Unavailable(error.into())),
            Err(_elapsed) => Err(PublishError::Unavailable(Outage::Slow.into())),
        }
    }
}

/// Messages in a queue; `None` where there is none. On a channel of its own:
/// the broker closes it when the queue is not there.
#[expect(clippy::disallowed_methods, reason = "a passive declare only asks")]
pub(crate) async fn count(connection: &Connection, queue: &str) -> Result<Option<u32>, lapin::Error> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
        Ok(found) => {
            channel.close(200, "counted".into()).await?;
            Ok(Some(found.message_count()))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(cause) if matches!(
        cause.kind(),
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
    ))
}

pub(crate) fn delays() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}
