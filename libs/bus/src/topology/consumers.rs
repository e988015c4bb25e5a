//! The consumer queues: one durable quorum queue per (service, entity), and the
//! way that a message takes which could not be handled (DESIGN B1, B3).
//!
//! ```text
//!              ┌────────────── <service>.redeliver (direct, by queue name) ◀─┐
//!              ▼                                                             │ after its time
//!  katonic.<service>.<entity>.v<N> ──consumer──▶ <service>.delay.short|long ─┘
//!                                       │                (fanout)
//!                                       └──────▶ <service>.parked (direct, by queue name) ─▶ <queue>.parked
//! ```
//! A retry never fans out: it comes back to the one queue whose name it carries.
//! The consumer parks, never the broker (ADR 23).
//!
//! Must hold: what a queue is made with never changes under its name, since the
//! broker refuses that; other arguments are another version of the queue.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::service::Service;

/// Deliveries without an answer after which the broker drops a message: never, since
/// the consumer parks it long before. Said, as RabbitMQ 4 would take 20 for it.
const DELIVERY_LIMIT: u32 = 1_000_000_000;

/// A queue that a service consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerQueue {
    /// Who consumes it.
    pub service: Service,
    /// What it is about, such as `policy`; one word.
    pub entity: &'static str,
    /// Raised when patterns are taken away or arguments change.
    pub version: u32,
    /// Topic patterns over `<project_id|_>.<entity>.<fact>`.
    pub patterns: &'static [&'static str],
}

/// Everything, for the feed and the search index.
pub const SEARCH_EVENTS: ConsumerQueue =
    ConsumerQueue { service: Service::Search, entity: "events", version: 1, patterns: &["#"] };

/// What the dispatcher's admission depends on and metadata owns.
pub const DISPATCHER_POLICY: ConsumerQueue =
    ConsumerQueue { service: Service::Dispatcher, entity: "policy", version: 1, patterns: &["*.tier.#", "*.limit.#"] };

/// Every consumer queue of an installation.
pub const CONSUMERS: [ConsumerQueue; 2] = [SEARCH_EVENTS, DISPATCHER_POLICY];

impl ConsumerQueue {
    /// `katonic.<service>.<entity>.v<N>`.
    pub fn name(&self) -> String {
        format!("katonic.{}.{}.v{}", self.service.name(), self.entity, self.version)
    }

    /// Where its messages lie that cannot be handled.
    pub fn parked(&self) -> String {
        format!("{}.parked", self.name())
    }

    pub(super) fn arguments(&self) -> BTreeMap<&'static str, Value> {
        BTreeMap::from([("x-queue-type", json!("quorum")), ("x-delivery-limit", json!(DELIVERY_LIMIT))])
    }
}

/// How long a message waits before it is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// 10 s.
    Short,
    /// 5 min.
    Long,
}

impl Delay {
    pub(super) const ALL: [Self; 2] = [Self::Short, Self::Long];

    /// The fanout exchange in front of the delay queue, and that queue's name.
    pub(crate) fn exchange(self, service: Service) -> String {
        let length = match self {
            Self::Short => "short",
            Self::Long => "long",
        };
        format!("katonic.{}.delay.{length}", service.name())
    }
}

/// How long the delays are; another length needs queues that do not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// Default 10 s: over a restart of what the handler needs.
    pub short: Duration,
    /// Default 5 min: over an outage that a person ends.
    pub long: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { short: Duration::from_secs(10), long: Duration::from_secs(5 * 60) }
    }
}

impl Delays {
    pub(super) fn arguments(self, delay: Delay, service: Service) -> BTreeMap<&'static str, Value> {
        let time = match delay {
            Delay::Short => self.short,
            Delay::Long => self.long,
        };
        // No routing key of its own: the message keeps the name of the queue that it returns to.
        // Without `reject-publish` the broker falls back to returning it at most once.
        BTreeMap::from([
            ("x-queue-type", json!("quorum")),
            ("x-overflow", json!("reject-publish")),
            ("x-dead-letter-strategy", json!("at-least-once")),
            ("x-dead-letter-exchange", json!(redeliver_exchange(service))),
            ("x-message-ttl", json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))),
        ])
    }
}

/// The direct exchange by which a service's queues get back what waited, by their names.
pub(crate) fn redeliver_exchange(service: Service) -> String {
    format!("katonic.{}.redeliver", service.name())
}

/// The direct exchange in front of a service's parked queues.
pub(crate) fn parked_exchange(service: Service) -> String {
    format!("katonic.{}.parked", service.name())
}

/// What is parked waits for a person: nothing ends it.
pub(super) fn parked_arguments() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([("x-queue-type", json!("quorum"))])
}
