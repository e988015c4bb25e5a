//! What must be declared in the broker, as data, and how it gets there.
//!
//! ```text
//!  katonic.metadata ─┐
//!  katonic.dispatch ─┼─#─▶ katonic.events ─#─▶ katonic.sink   (max-length 1, drop-head)
//!  katonic.build    ─┤
//!  katonic.logs     ─┘
//! ```
//!
//! The sink takes everything and keeps nothing, so that a fact nobody wants yet
//! is routable and a returned publish always means lost topology (DESIGN W2).
//!
//! Must hold: only a service's own user may write its exchange; no service may
//! declare (E3, B1). Applying is idempotent: whoever is interrupted applies again.

mod apply;
mod check;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use apply::apply;
pub(crate) use apply::only;
pub use check::{Missing, check};

use crate::password::Password;

/// Where every event of the installation passes.
pub const EVENTS: &str = "katonic.events";
/// The queue that makes every event routable.
pub const SINK: &str = "katonic.sink";
/// A binding key that every routing key matches.
pub const EVERYTHING: &str = "#";

/// A part that publishes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Producer {
    /// metadata.
    Metadata,
    /// dispatcher.
    Dispatcher,
    /// build-service.
    Build,
    /// log-streamer.
    Logs,
}

impl Producer {
    /// Every producer.
    pub const ALL: [Self; 4] = [Self::Metadata, Self::Dispatcher, Self::Build, Self::Logs];

    /// The exchange that only it may write.
    pub const fn exchange(self) -> &'static str {
        match self {
            Self::Metadata => "katonic.metadata",
            Self::Dispatcher => "katonic.dispatch",
            Self::Build => "katonic.build",
            Self::Logs => "katonic.logs",
        }
    }
}

/// A broker user.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: Password,
}

/// The broker users of an installation.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Those that publish.
    pub producers: BTreeMap<Producer, Login>,
    /// The second, administrative login of metadata, which makes and deletes
    /// subscribers and is used for nothing else (DESIGN E4).
    pub subscriptions: Option<Login>,
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Its `x-` arguments.
    pub arguments: BTreeMap<&'static str, Value>,
}

/// What an exchange passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// To another exchange.
    Exchange {
        /// From.
        source: &'static str,
        /// To.
        destination: &'static str,
    },
    /// To a queue.
    Queue {
        /// From.
        source: &'static str,
        /// To.
        destination: &'static str,
    },
}

/// What must be there; every binding passes everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// Durable topic exchanges.
    pub exchanges: Vec<&'static str>,
    /// Durable queues.
    pub queues: Vec<Queue>,
    /// Bindings between them.
    pub bindings: Vec<Binding>,
}

impl Topology {
    /// The topology of an installation.
    pub fn katonic() -> Self {
        let own = Producer::ALL.map(Producer::exchange);
        let to_events = |source| Binding::Exchange { source, destination: EVENTS };
        let sink = Queue {
            name: SINK,
            arguments: BTreeMap::from([("x-max-length", json!(1)), ("x-overflow", json!("drop-head"))]),
        };
        let mut bindings: Vec<Binding> = own.into_iter().map(to_events).collect();
        bindings.push(Binding::Queue { source: EVENTS, destination: SINK });
        Self { exchanges: own.into_iter().chain([EVENTS]).collect(), queues: vec![sink], bindings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_producer_reaches_the_sink() {
        let topology = Topology::katonic();
        for producer in Producer::ALL {
            let source = producer.exchange();
            assert!(topology.exchanges.contains(&source));
            assert!(topology.bindings.contains(&Binding::Exchange { source, destination: EVENTS }));
        }
        assert!(topology.bindings.contains(&Binding::Queue { source: EVENTS, destination: SINK }));
        assert!(topology.queues.iter().any(|queue| queue.name == SINK));
    }
}
