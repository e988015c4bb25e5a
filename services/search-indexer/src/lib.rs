//! search-indexer: the event feed, and the search index that is made from it.
//!
//! ```text
//!  owners ──events──> broker ──> consumers ──append──> feed (n = 1, 2, 3 …) ──> FollowEvents
//!     └────── what is missing, where everything stands ──┘      └──> index ──> Search
//! ```
//!
//! What must hold (DESIGN B5): every event is in the feed once, those of one
//! aggregate in order and without a hole; `n` is dense and never changes; the
//! index is a function of the feed; nobody sees what they may not read. It is a
//! source of no truth: all of it can be made again from the owners. A crash
//! loses nothing: events are acknowledged after they were committed.

pub mod app;
pub mod clients;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod index;
pub mod store;
pub mod tasks;
pub mod usecases;

pub use app::{App, NAME};
pub use config::Config;
