//! log-streamer: owns the logs of members, from the first line to the last reader.
//!
//! ```text
//!  agent ──Append──> window ──cut──> segment (zstd, sealed, synced) ──> manifest ──> durable_seq ──> agent
//!                      └──> Redis: the hot tail, a cache
//!  viewer <──ReadLog, FollowLog── segments, then window or hot tail, then what comes
//! ```
//!
//! What must hold (DESIGN 7): the map from sequence to bytes never changes; an
//! acknowledged line is readable; what could not be kept is a declared gap; of
//! two replicas that write one log, the manifest's compare-and-set lets one
//! win; Redis may vanish at any moment. A crash of this service loses only
//! what was not acknowledged, and agents send that again.

pub mod app;
pub mod clients;
pub mod config;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod segments;
pub mod store;
pub mod tail;
pub mod tasks;
pub mod usecases;

pub use app::{App, Logs, NAME};
pub use config::Config;
