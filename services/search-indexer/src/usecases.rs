//! What the service does: fill the feed, let it be followed, index it, search.
//!
//! ```text
//!   events ──> append ──> feed ──┬──> follow ──> readers
//!   owners ──(what is missing)─┘ └──> index  ──> search
//! ```

pub mod append;
pub mod follow;
pub mod heads;
pub mod rebuild;
pub mod resync;
pub mod search;
