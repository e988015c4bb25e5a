//! The publisher of a service: one connection, a bounded window of publishes
//! under way at once, an answer for each.
//!
//! The window is a pool of channels with *one* publish in flight on each.
//! Several on one channel would be fewer frames, but a broker's return names no
//! publish, and clients hand it to whichever confirm comes next: with two in
//! flight the returned event could be taken for the delivered one and be lost.
//!
//! Must hold: `Ok` only for an event that was confirmed and not returned. After
//! a lost connection the next publish opens a new one; while the broker is away
//! publishes fail at once between attempts instead of queueing up.
//! A crash here loses nothing: the caller still has every event without an `Ok`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    lane::{Lane, Parcel},
    link::Link,
    publisher::{OutgoingEvent, PublishError, Publisher},
};

/// How a service publishes. The URI holds a password: there is no `Debug`.
#[derive(Clone)]
pub struct BusConfig {
    /// `amqp://user:password@host:port/vhost`, parts percent-encoded.
    pub uri: String,
    /// What the broker's management shows, such as `metadata`.
    pub connection_name: String,
    /// How long a connection may take to open. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a confirm may take. Default 5 s.
    pub confirm_timeout: Duration,
    /// Publishes under way at once. Default 32: at 1 ms a confirm that is
    /// 32,000 a second, more than one broker takes, and 32 idle channels cost it 1 MB.
    pub window: usize,
}

impl BusConfig {
    /// A configuration with the defaults.
    pub fn new(uri: impl Into<String>, connection_name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            connection_name: connection_name.into(),
            connect_timeout: Duration::from_secs(5),
            confirm_timeout: Duration::from_secs(5),
            window: 32,
        }
    }
}

/// A service's publisher; cheap to clone.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    confirm_timeout: Duration,
    window: Semaphore,
    /// Open lanes that nobody uses now; the last used is taken first.
    idle: Mutex<Vec<Lane>>,
}

impl Bus {
    /// A publisher that connects with its first publish, or with [`Bus::ready`].
    pub fn new(config: BusConfig) -> Self {
        let confirm_timeout = config.confirm_timeout;
        let window = Semaphore::new(config.window.max(1));
        let inner = Inner { link: Link::new(config), confirm_timeout, window, idle: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Whether the broker can be published to; connects where there is no connection.
    ///
    /// # Errors
    /// [`PublishError::Unavailable`].
    pub async fn ready(&self) -> Result<(), PublishError> {
        self.inner.link.connection().await.map(drop)
    }

    /// Publishes any message, with the same promise as [`Publisher::publish`].
    pub(crate) async fn send(&self, parcel: &Parcel<'_>) -> Result<(), PublishError> {
        let answer = self.send_once(parcel).await;
        count(parcel.exchange, &answer);
        answer
    }

    async fn send_once(&self, parcel: &Parcel<'_>) -> Result<(), PublishError> {
        let _slot = self.inner.window.acquire().await.map_err(|closed| PublishError::Unavailable(closed.into()))?;
        let lane = self.inner.lane().await?;
        // A lane is put back only with its answer in hand: one whose publish is
        // still open, also because the caller gave up, is dropped and closes.
        match timeout(self.inner.confirm_timeout, lane.publish(parcel)).await {
            Ok(answer) => {
                if lane.is_open() {
                    self.inner.idle().push(lane);
                }
                answer
            }
            Err(_elapsed) => {
                self.inner.link.abandon(lane.connection()).await;
                Err(PublishError::Timeout)
            }
        }
    }
}

impl Publisher for Bus {
    fn publish<'a>(&'a self, event: &'a OutgoingEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        async move { self.send(&Parcel::of(event)).await }.boxed()
    }
}

impl Inner {
    async fn lane(&self) -> Result<Lane, PublishError> {
        while let Some(lane) = self.next_idle() {
            if lane.is_open() {
                return Ok(lane);
            }
        }
        let connection = self.link.connection().await?;
        Lane::open(connection).await
    }

    fn next_idle(&self) -> Option<Lane> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Lane>> {
        // A list of lanes is whole after any panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(exchange: &str, answer: &Result<(), PublishError>) {
    let result = match answer {
        Ok(()) => "confirmed",
        Err(PublishError::Unavailable(_)) => "unavailable",
        Err(PublishError::Timeout) => "timeout",
        Err(PublishError::Returned { .. }) => "returned",
        Err(PublishError::Refused) => "refused",
        Err(PublishError::Topology(_)) => "no_topology",
    };
    metrics::counter!("katonic_bus_publishes_total", "exchange" => exchange.to_owned(), "result" => result)
        .increment(1);
}
