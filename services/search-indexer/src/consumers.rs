//! What comes from the broker.

pub mod events;
