//! Consuming a queue: batches to a handler, one verdict a message, and a
//! connection that is opened again for as long as the service lives.
//!
//! ```text
//!  queue ──prefetch──▶ gather ──▶ judge ──Handler──▶ verdicts ──▶ settle ─┬─ ack
//!                                   └─ unreadable: Park                   ├─ delay exchange, then ack
//!                                                                         └─ parked exchange, then ack
//! ```
//!
//! Must hold: a message is acknowledged only after its handler's commit, or once
//! the broker has confirmed it elsewhere; a handler that panics, hangs or
//! miscounts, and a message that cannot be read, end neither the consumer nor
//! the batch's other messages.
//! A crash here loses nothing: what was not acknowledged is delivered again, so
//! a handler sees messages twice (DESIGN B1-B3).

pub(crate) mod headers;
mod judge;
mod lag;
mod settle;
mod suspects;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt;
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, BusConfig},
    link::{self, Link},
    message::Message,
    publisher::PublishError,
    topology::ConsumerQueue,
    verdict::Verdict,
};

/// What a service does with the messages of one queue.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles messages in the order in which they came; answers one verdict for
    /// each, in order. What is acknowledged must be committed. Messages may be
    /// repeated and reordered. [`Message::Resync`] always comes alone.
    async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict>;
}

/// How often a message is tried before it is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Times after the short delay. Default 6: a minute.
    pub short: u32,
    /// Times after the long delay that follow. Default 288: a day.
    pub long: u32,
    /// Deliveries that nobody answered, mostly as the process died. Default 50: what else
    /// was in hand gets through meanwhile.
    pub unanswered: u32,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { short: 6, long: 288, unanswered: 50 }
    }
}

/// How a queue is consumed. The URI holds a password: there is no `Debug`.
#[derive(Clone)]
pub struct ConsumerConfig {
    /// `amqp://user:password@host:port/vhost` of the service's own user.
    pub uri: String,
    /// The queue.
    pub queue: ConsumerQueue,
    /// Messages in hand at once: prefetch and largest batch. Default 64.
    pub batch: u16,
    /// How long the handler may take for a batch. Default 60 s; then all of it is retried.
    pub handle_timeout: Duration,
    /// How long a resync may take. Default 20 min: the broker takes a message back after 30.
    pub resync_timeout: Duration,
    /// When a message is given up.
    pub attempts: Attempts,
    /// How long nothing may come before consuming begins anew, which costs nothing. Default 5 min.
    pub renew_after: Duration,
    /// How often the handler is told to resync without any cause. Default: daily.
    pub resync_every: Duration,
}

impl ConsumerConfig {
    /// A configuration with the defaults.
    pub fn new(uri: impl Into<String>, queue: ConsumerQueue) -> Self {
        Self {
            uri: uri.into(),
            queue,
            batch: 64,
            handle_timeout: Duration::from_secs(60),
            resync_timeout: Duration::from_secs(20 * 60),
            attempts: Attempts::default(),
            renew_after: Duration::from_secs(5 * 60),
            resync_every: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The consumer of one queue; several of them, also in several processes, share its messages.
pub struct Consumer<H> {
    config: ConsumerConfig,
    handler: Arc<H>,
    /// Where messages come from: not where they are published to, since the
    /// broker stops reading from a connection that publishes too fast.
    link: Link,
    /// Where messages go that are delivered again or parked.
    bus: Bus,
    queue_name: String,
}

/// Why a connection was given up.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("no connection")]
    Connection(#[from] PublishError),
    #[error("the broker broke off")]
    Channel(#[from] lapin::Error),
    #[error("the broker ended the delivery, the queue may be gone")]
    Cancelled,
    #[error("nothing was delivered for a while")]
    Idle,
}

impl<H: Handler> Consumer<H> {
    /// A consumer that connects once it runs.
    pub fn new(config: ConsumerConfig, handler: H) -> Self {
        let queue_name = config.queue.name();
        let link = Link::new(BusConfig::new(&config.uri, format!("{} consumer", config.queue.service.name())));
        let returning = BusConfig::new(&config.uri, format!("{} retries", config.queue.service.name()));
        Self { link, bus: Bus::new(returning), handler: Arc::new(handler), queue_name, config }
    }

    /// Consumes until shutdown; what is in hand then is finished. While broker
    /// or queue are away it tries again (100 ms doubling to 5 s, with jitter).
    pub async fn run(self, shutdown: CancellationToken) {
        let mut delays = link::delays();
        let mut daily = interval_at(Instant::now() + self.config.resync_every, self.config.resync_every);
        daily.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shutdown.is_cancelled() {
            let (begun, lost) = self.consume(&mut daily, &shutdown).await;
            if begun {
                delays = link::delays();
            }
            let Err(lost) = lost else { return };
            if matches!(lost, Lost::Idle) {
                continue;
            }
            self.note_interruption(&lost);
            tokio::select! {
                () = sleep(delays.next().unwrap_or_default()) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn note_interruption(&self, lost: &Lost) {
        let cause = lost as &dyn std::error::Error;
        tracing::warn!(queue = self.queue_name, error = cause, "consuming is interrupted");
        metrics::counter!("katonic_bus_consumer_interruptions_total", "queue" => self.queue_name.clone()).increment(1);
    }

    /// One channel's life; answers also whether it came to consuming.
    async fn consume(&self, daily: &mut Interval, shutdown: &CancellationToken) -> (bool, Result<(), Lost>) {
        let (channel, deliveries) = match self.open().await {
            Ok(opened) => opened,
            Err(lost) => return (false, Err(lost)),
        };
        tracing::info!(queue = self.queue_name, "consuming");
        let ended = self.serve(deliveries, daily, shutdown).await;
        // Whether it closes or has closed: what is unanswered goes back to the queue.
        let _closing = channel.close(200, "done".into()).await;
        (true, ended)
    }

    async fn open(&self) -> Result<(Channel, lapin::Consumer), Lost> {
        let connection = self.link.connection().await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(self.config.batch.max(1), BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let queue = self.queue_name.as_str().into();
        let deliveries = channel.basic_consume(queue, "".into(), options, FieldTable::default()).await?;
        Ok((channel, deliveries))
    }

    /// Does not trust silence: where a queue is deleted and made again at once, the broker
    /// (3.10) goes over to the new one without a word and loses what that one hands out.
    async fn serve(
        &self,
        deliveries: lapin::Consumer,
        daily: &mut Interval,
        shutdown: &CancellationToken,
    ) -> Result<(), Lost> {
        let mut measure = interval(lag::EVERY);
        measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut idle = std::pin::pin!(sleep(self.config.renew_after));
        let mut batches = deliveries.ready_chunks(usize::from(self.config.batch.max(1)));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                _ = measure.tick() => self.measure().await,
                _ = daily.tick() => self.resync_unasked().await,
                next = batches.next() => {
                    let arrived = next.ok_or(Lost::Cancelled)?;
                    let mut broken = Ok(());
                    let batch = arrived.into_iter().filter_map(|one| one.map_err(|error| broken = Err(error)).ok());
                    self.work(batch.collect()).await?;
                    broken?;
                    idle.as_mut().reset(Instant::now() + self.config.renew_after);
                }
                () = &mut idle => return Err(Lost::Idle),
            }
        }
    }

    async fn work(&self, batch: Vec<Delivery>) -> Result<(), Lost> {
        let batch = self.park_deadly(batch).await?;
        for together in suspects::apart(batch) {
            let verdicts = if together.iter().all(judge::is_resync) {
                // Several at once ask for the same.
                vec![self.resync().await; together.len()]
            } else {
                self.judge(&together).await
            };
            self.settle(together, verdicts).await?;
        }
        Ok(())
    }

    async fn resync_unasked(&self) {
        let verdict = self.resync().await;
        if verdict != Verdict::Ack {
            tracing::warn!(queue = self.queue_name, ?verdict, "the daily resync did not succeed");
        }
    }
}
