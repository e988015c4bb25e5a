//! RabbitMQ: publishing facts, consuming them, and declaring the topology that carries them.
//!
//! ```text
//!  store's relay ──Publisher──▶ Bus ──AMQP──▶ katonic.<service> ─▶ katonic.events ─┬▶ katonic.sink
//!                                                                                  ├▶ katonic.sub.<id>
//!                                                                                  └▶ consumer queues
//!  service's Handler ◀── Consumer ◀──AMQP── consumer queue
//!  broker apply  ──Topology───▶ Admin ──management HTTP API──▶ exchanges, users, queues
//!  metadata      ──Subscriber─▶ Admin
//! ```
//!
//! Must hold: a service publishes through [`Publisher`] and consumes through [`Consumer`] only and has no
//! configure right; everything that is declared is declared through [`Admin`],
//! by an administrative login (DESIGN B1, E3, E4).
#![warn(missing_docs)]

pub mod admin;
mod bus;
mod consumer;
mod lane;
mod link;
mod message;
mod parked;
mod password;
pub mod publisher;
pub mod subscriber;
pub mod topology;
mod verdict;

pub use admin::{Admin, AdminConfig};
pub use bus::{Bus, BusConfig};
pub use consumer::{Attempts, Consumer, ConsumerConfig, Handler};
pub use message::{IncomingEvent, Message};
pub use parked::{Depth, Parked, ParkedError, ParkedMessage, Which};
pub use password::Password;
pub use publisher::{OutgoingEvent, PublishError, Publisher};
pub use verdict::Verdict;
