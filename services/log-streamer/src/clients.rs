//! What the log-streamer asks of other services.

pub mod access;
pub mod executions;
