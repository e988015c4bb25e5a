//! The outbox: events that are committed with their aggregate and wait there
//! until the broker has them (DESIGN W1, W2).

use bson::DateTime;
use katonic_bus::OutgoingEvent;
use serde::{Deserialize, Serialize};

use crate::aggregate::Version;

/// An event that waits, rendered when it was committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutboxEntry {
    /// The event's id: the same however often it is published.
    pub id: String,
    /// The aggregate's version with this event.
    pub sequence: Version,
    /// What happened.
    pub fact: String,
    /// The owner's exchange.
    pub exchange: String,
    /// `<project_id|_>.<entity>.<fact>`.
    pub routing_key: String,
    /// The `CloudEvents` envelope as JSON text.
    pub body: String,
    /// W3C trace context of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// When it was committed, by the writer's clock.
    pub at: DateTime,
}

impl OutboxEntry {
    pub fn outgoing(&self) -> OutgoingEvent {
        OutgoingEvent {
            id: self.id.clone(),
            exchange: self.exchange.clone(),
            routing_key: self.routing_key.clone(),
            body: self.body.clone(),
            traceparent: self.traceparent.clone(),
        }
    }
}
