//! What the service does: take records, make them durable, close logs, read them.
//!
//! ```text
//!   agent ──append──> ingest ──> live log (window) ──cut──> keeper ──> segment, manifest
//!                        └─> Redis tail   │ tip
//!   viewer <── follow <── reader <────────┴── segments, Redis tail
//! ```

pub mod follow;
pub mod ingest;
pub mod keep;
pub mod live;
pub mod lost;
pub mod page;
pub mod read;
pub mod tidy;
