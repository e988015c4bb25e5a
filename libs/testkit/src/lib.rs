//! Real servers for tests: started once per test process by whoever asks
//! first, gone with it however it ends. Tests keep apart by asking for a
//! database or virtual host of their own.
#![warn(missing_docs)]

pub mod broker;
pub mod engine;
pub mod publisher;
pub mod redis;
mod server;
pub mod store;
