//! The events of one aggregate on their way: in order, one batch in flight.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use katonic_bus::{PublishError, Publisher};
use tokio::sync::oneshot;
use tracing::{Instrument, Span, info_span};

use super::{Delivering, Key};
use crate::{aggregate::Version, error::StoreError, history::HistoryEntry, outbox::OutboxEntry};

/// Longer than a broker takes to confirm, so that a lost confirm ends.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(10);

/// What became of the entries handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Published, in the history, and cleared.
    Delivered,
    /// Broker or store cannot be reached: they stay in the outbox.
    Unavailable,
    /// The broker had nowhere to put one: it stays in the outbox.
    Returned,
}

/// What waits for an aggregate, beside what is in flight.
#[derive(Default)]
pub(super) struct Lane {
    waiting: BTreeMap<Version, OutboxEntry>,
    in_flight_up_to: Option<Version>,
    queued: bool,
    told: Vec<oneshot::Sender<Outcome>>,
    told_next: Vec<oneshot::Sender<Outcome>>,
}

impl Lane {
    /// Takes what is not in flight already.
    pub fn take(&mut self, entries: Vec<OutboxEntry>, done: Option<oneshot::Sender<Outcome>>) {
        let newer = entries.into_iter().filter(|entry| Some(entry.sequence) > self.in_flight_up_to);
        self.waiting.extend(newer.map(|entry| (entry.sequence, entry)));
        self.told_next.extend(done);
    }

    /// Whether it is to be started now; answers so once per start.
    pub fn make_ready(&mut self) -> bool {
        let wanted = !self.waiting.is_empty() || !self.told_next.is_empty();
        let ready = wanted && !self.queued && self.in_flight_up_to.is_none();
        self.queued |= ready;
        ready
    }

    pub fn start(&mut self) -> Vec<OutboxEntry> {
        let entries: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        self.queued = false;
        self.in_flight_up_to = Some(entries.last().map_or(Version::ZERO, |entry| entry.sequence));
        self.told = std::mem::take(&mut self.told_next);
        entries
    }

    /// After a failure what waited must not overtake what failed: the sweeper
    /// takes all of it, in order.
    pub fn finish(&mut self, outcome: Outcome) {
        self.in_flight_up_to = None;
        for told in self.told.drain(..) {
            // Whoever asked may have gone.
            let _ = told.send(outcome);
        }
        if outcome != Outcome::Delivered {
            self.waiting.clear();
            for told in self.told_next.drain(..) {
                let _ = told.send(outcome);
            }
        }
    }
}

/// One batch of one aggregate.
pub(super) struct Delivery {
    pub key: Key,
    pub entries: Vec<OutboxEntry>,
    pub with: Arc<Delivering>,
}

impl Delivery {
    pub async fn run(self) -> Outcome {
        let (published, remembered) = tokio::join!(self.publish(), self.remember());
        let (delivered, outcome) = published;
        if let Err(error) = remembered {
            tracing::warn!(error = &error as &dyn std::error::Error, "events are not in the history yet");
            return Outcome::Unavailable;
        }
        let ids: Vec<String> = self.entries.iter().take(delivered).map(|entry| entry.id.clone()).collect();
        if ids.is_empty() {
            return outcome;
        }
        match self.with.clearer.clear(self.key, ids).await {
            Ok(()) => outcome,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "published events are not cleared yet");
                Outcome::Unavailable
            }
        }
    }

    /// How many were delivered, from the first on, and what ended it.
    async fn publish(&self) -> (usize, Outcome) {
        for (delivered, entry) in self.entries.iter().enumerate() {
            match send(self.with.publisher.as_ref(), entry).await {
                Ok(()) => metrics::counter!("katonic_store_relay_published_total").increment(1),
                Err(error) => return (delivered, failed(entry, &error)),
            }
        }
        (self.entries.len(), Outcome::Delivered)
    }

    async fn remember(&self) -> Result<(), StoreError> {
        let (collection, id) = &self.key;
        let table = self.with.histories.read().ok().and_then(|histories| histories.get(collection).cloned());
        let (Some(table), false) = (table, self.entries.is_empty()) else { return Ok(()) };
        let rows: Vec<_> = self.entries.iter().map(|entry| HistoryEntry::new(id, entry.clone())).collect();
        table.insert_missing(&rows).await
    }
}

/// Publishes one event, as a step of the trace that it belongs to.
async fn send(publisher: &dyn Publisher, entry: &OutboxEntry) -> Result<(), PublishError> {
    let span = match &entry.traceparent {
        Some(_) => info_span!(parent: None, "publish", otel.kind = "producer", event.id = %entry.id),
        None => Span::none(),
    };
    katonic_trace::set_parent(&span, entry.traceparent.as_deref());
    let publish = async {
        let mut event = entry.outgoing();
        event.traceparent = katonic_trace::traceparent().or(event.traceparent);
        tokio::time::timeout(PUBLISH_DEADLINE, publisher.publish(&event)).await.unwrap_or(Err(PublishError::Timeout))
    };
    publish.instrument(span).await
}

fn failed(entry: &OutboxEntry, error: &PublishError) -> Outcome {
    let cause = error as &dyn std::error::Error;
    if error.is_topology() {
        metrics::counter!("katonic_store_relay_failed_total", "cause" => "topology").increment(1);
        tracing::error!(event.id = %entry.id, error = cause, "broker topology is gone, run broker apply");
        return Outcome::Returned;
    }
    metrics::counter!("katonic_store_relay_failed_total", "cause" => "unavailable").increment(1);
    tracing::warn!(event.id = %entry.id, error = cause, "an event waits for the broker");
    Outcome::Unavailable
}
