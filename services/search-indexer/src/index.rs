//! The search index: tantivy in a folder of this replica, a function of the feed.
//!
//! ```text
//!  feed rows ──document──> writer ──commit(n)──> live ──search(query, rank)──> hits
//!  text ──query (parse, check, compile)──────────┘
//! ```
//! A commit carries the feed's place that it reaches, so a crash loses nothing:
//! the next start goes on from there.

pub mod document;
pub mod fields;
pub mod folder;
pub mod live;
pub mod query;
pub mod rank;
pub mod value;
pub mod writer;
