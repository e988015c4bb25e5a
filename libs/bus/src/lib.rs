//! RabbitMQ: publishing facts, and declaring the topology that carries them.
//!
//! Facts leave through [`Publisher`] only; topology is declared through
//! [`Admin`] only, by an administrative login (DESIGN B1).
#![warn(missing_docs)]

pub mod publisher;

pub use publisher::{OutgoingEvent, PublishError, Publisher};
