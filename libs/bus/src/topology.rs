//! What must be declared in the broker, as data, and how it gets there.
//!
//! ```text
//!  katonic.metadata ─┐
//!  katonic.dispatch ─┼─#─▶ katonic.events ─┬─#─▶ katonic.sink   (max-length 1, drop-head)
//!  katonic.build    ─┤                     └─patterns─▶ consumer queues (consumers.rs)
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
mod consumers;
mod rights;
mod service;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use apply::{RESYNC, apply};
pub use check::{Missing, check};
pub use consumers::{CONSUMERS, ConsumerQueue, DISPATCHER_POLICY, Delays, SEARCH_EVENTS};
pub(crate) use consumers::{Delay, parked_exchange, redeliver_exchange};
pub(crate) use rights::only;
pub use service::Service;

use crate::password::Password;

/// Where every event of the installation passes.
pub const EVENTS: &str = "katonic.events";
/// The queue that makes every event routable.
pub const SINK: &str = "katonic.sink";
/// A binding key that every routing key matches.
pub const EVERYTHING: &str = "#";

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
    /// Those of the services.
    pub services: BTreeMap<Service, Login>,
    /// The second, administrative login of metadata, which makes and deletes
    /// subscribers and is used for nothing else (DESIGN E4).
    pub subscriptions: Option<Login>,
}

/// A durable exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeKind,
}

/// How an exchange routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeKind {
    /// By patterns over the routing key.
    Topic,
    /// By the whole routing key.
    Direct,
    /// To everything that is bound.
    Fanout,
}

impl ExchangeKind {
    /// As the broker calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Direct => "direct",
            Self::Fanout => "fanout",
        }
    }
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its `x-` arguments.
    pub arguments: BTreeMap<&'static str, Value>,
}

/// What an exchange passes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// From this exchange.
    pub source: String,
    /// To this queue or exchange.
    pub to: BoundTo,
    /// What is passed on.
    pub pattern: String,
}

/// Where a binding leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundTo {
    /// To another exchange.
    Exchange(String),
    /// To a queue.
    Queue(String),
}

/// What must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// Durable exchanges.
    pub exchanges: Vec<Exchange>,
    /// Durable queues.
    pub queues: Vec<Queue>,
    /// Bindings between them.
    pub bindings: Vec<Binding>,
    /// Made last of all, after a new queue's consumer has been told to resync:
    /// where one is missing, the work on that queue was not finished.
    pub completing: Vec<Binding>,
    /// The queues of consumers, which are among `queues` too.
    pub consumers: Vec<ConsumerQueue>,
}

impl Topology {
    /// The topology of an installation.
    pub fn katonic() -> Self {
        Self::of(&CONSUMERS, Delays::default())
    }

    /// With other consumers and delays, for tests.
    pub fn of(consumers: &[ConsumerQueue], delays: Delays) -> Self {
        let mut topology = Self::of_producers();
        topology.consumers = consumers.to_vec();
        for service in Service::ALL {
            if consumers.iter().any(|queue| queue.service == service) {
                topology.add_ways_back(service, delays);
            }
        }
        for queue in consumers {
            topology.add_consumer(queue);
        }
        topology
    }

    fn of_producers() -> Self {
        let topic = |name: &str| Exchange { name: name.to_owned(), kind: ExchangeKind::Topic };
        let to_events = |source| binding(source, BoundTo::Exchange(EVENTS.to_owned()), EVERYTHING);
        let sink = Queue {
            name: SINK.to_owned(),
            arguments: BTreeMap::from([("x-max-length", json!(1)), ("x-overflow", json!("drop-head"))]),
        };
        let mut bindings: Vec<Binding> = Service::exchanges().map(to_events).collect();
        bindings.push(binding(EVENTS, BoundTo::Queue(SINK.to_owned()), EVERYTHING));
        Self {
            exchanges: Service::exchanges().chain([EVENTS]).map(topic).collect(),
            queues: vec![sink],
            bindings,
            completing: Vec::new(),
            consumers: Vec::new(),
        }
    }

    /// What all consumers of a service have in common.
    fn add_ways_back(&mut self, service: Service, delays: Delays) {
        for name in [redeliver_exchange(service), parked_exchange(service)] {
            self.exchanges.push(Exchange { name, kind: ExchangeKind::Direct });
        }
        for delay in Delay::ALL {
            let name = delay.exchange(service);
            self.exchanges.push(Exchange { name: name.clone(), kind: ExchangeKind::Fanout });
            self.queues.push(Queue { name: name.clone(), arguments: delays.arguments(delay, service) });
            self.bindings.push(binding(&name, BoundTo::Queue(name.clone()), ""));
        }
    }

    fn add_consumer(&mut self, queue: &ConsumerQueue) {
        let (name, parked) = (queue.name(), queue.parked());
        self.queues.push(Queue { name: parked.clone(), arguments: consumers::parked_arguments() });
        self.bindings.push(binding(&parked_exchange(queue.service), BoundTo::Queue(parked), &name));
        self.queues.push(Queue { name: name.clone(), arguments: queue.arguments() });
        for pattern in queue.patterns {
            self.bindings.push(binding(EVENTS, BoundTo::Queue(name.clone()), pattern));
        }
        self.completing.push(binding(&redeliver_exchange(queue.service), BoundTo::Queue(name.clone()), &name));
    }
}

fn binding(source: &str, to: BoundTo, pattern: &str) -> Binding {
    Binding { source: source.to_owned(), to, pattern: pattern.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_producer_reaches_the_sink() {
        let topology = Topology::katonic();
        for source in Service::exchanges() {
            assert!(topology.exchanges.iter().any(|exchange| exchange.name == source));
            let to_events = binding(source, BoundTo::Exchange(EVENTS.to_owned()), EVERYTHING);
            assert!(topology.bindings.contains(&to_events));
        }
        assert!(topology.bindings.contains(&binding(EVENTS, BoundTo::Queue(SINK.to_owned()), EVERYTHING)));
        assert!(topology.queues.iter().any(|queue| queue.name == SINK));
    }

    #[test]
    fn every_consumer_queue_has_a_way_back_and_a_place_for_what_it_cannot_handle() {
        let topology = Topology::katonic();
        for queue in &topology.consumers {
            let name = queue.name();
            let back = binding(&redeliver_exchange(queue.service), BoundTo::Queue(name.clone()), &name);
            assert!(topology.completing.contains(&back), "{name}");
            let away = binding(&parked_exchange(queue.service), BoundTo::Queue(queue.parked()), &name);
            assert!(topology.bindings.contains(&away), "{name}");
        }
    }

    #[test]
    fn every_binding_joins_what_is_declared_and_no_name_is_declared_twice() {
        let topology = Topology::katonic();
        let exchanges: BTreeSet<&str> = topology.exchanges.iter().map(|exchange| exchange.name.as_str()).collect();
        let queues: BTreeSet<&str> = topology.queues.iter().map(|queue| queue.name.as_str()).collect();
        assert_eq!((exchanges.len(), queues.len()), (topology.exchanges.len(), topology.queues.len()));
        for binding in topology.bindings.iter().chain(&topology.completing) {
            let there = match &binding.to {
                BoundTo::Exchange(name) => exchanges.contains(name.as_str()),
                BoundTo::Queue(name) => queues.contains(name.as_str()),
            };
            assert!(there && exchanges.contains(binding.source.as_str()), "{binding:?}");
        }
    }
}
