//! The port through which facts leave a service, apart from the broker that
//! carries them: the store's relay publishes through it and knows no AMQP.
//!
//! Must hold: `Ok` means that a broker has taken responsibility for the event
//! (confirmed) *and* that some queue wanted it (not returned). Anything else is
//! an error, the caller keeps the event and publishes it again (DESIGN W2).
//! A crash here loses nothing: the event is still in its document's outbox.

use futures::future::BoxFuture;
use katonic_domain::error::{Classified, ErrorKind};

/// An event ready to leave: a whole `CloudEvent` and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingEvent {
    /// The event's id; the same for every repetition of the same fact.
    pub id: String,
    /// The owner's exchange, such as `katonic.metadata`.
    pub exchange: String,
    /// `<project_id|_>.<entity>.<fact>`.
    pub routing_key: String,
    /// The `CloudEvent` as structured JSON.
    pub body: String,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
}

/// Why an event has not been published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker cannot be reached, or the connection was lost before its answer.
    #[error("the message broker is not reachable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No confirm within the deadline.
    #[error("the message broker did not confirm the event in time")]
    Timeout,
    /// The exchange takes it but no queue wants it: topology is gone, `broker apply` must run.
    #[error("no queue is bound for the event: {code} {text}")]
    Returned {
        /// The broker's reply code, such as 312.
        code: u16,
        /// The broker's reply text.
        text: String,
    },
    /// The broker refused responsibility.
    #[error("the message broker refused the event")]
    Refused,
    /// The exchange is not there or may not be written: topology is gone or wrong.
    #[error("the event's exchange is missing or not writable")]
    Topology(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Classified for PublishError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable(_) | Self::Refused => ErrorKind::Unavailable,
            Self::Timeout => ErrorKind::Timeout,
            Self::Returned { .. } | Self::Topology(_) => ErrorKind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "BROKER_UNAVAILABLE",
            Self::Refused => "BROKER_REFUSED",
            Self::Timeout => "BROKER_TIMEOUT",
            Self::Returned { .. } | Self::Topology(_) => "BROKER_TOPOLOGY_MISSING",
        }
    }
}

impl PublishError {
    /// Whether the topology is gone: a person or the supervisor must apply it again.
    pub const fn is_topology(&self) -> bool {
        matches!(self, Self::Returned { .. } | Self::Topology(_))
    }
}

/// Publishes events; implemented by [`crate::Bus`] and by the testkit's bus for simulation.
pub trait Publisher: Send + Sync {
    /// Publishes one event and waits for the broker's answer. Several may be
    /// under way at once; order between them is the caller's to keep.
    fn publish<'a>(&'a self, event: &'a OutgoingEvent) -> BoxFuture<'a, Result<(), PublishError>>;
}
