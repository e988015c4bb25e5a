//! The store of a service: aggregates whose every change is an event, and how
//! those events reach the broker (DESIGN W1 to W4).
//!
//! ```text
//!  projects.update(&id, |project| project.rename(name))
//!      │ one atomic write: state, version, event in the document's own outbox
//!      v
//!  relay ──> broker, history ──> cleared from the outbox
//! ```
//!
//! What holds: a change and its event are committed together or not at all;
//! every event of an aggregate has the next number; what was committed is
//! published, in order, at least once, however often we die in between.
//!
//! - [`Collection`]: aggregates, the only writers of version and outbox.
//! - [`Records`]: documents without events.
//! - [`Store::transaction`]: several documents, each with its own event.
//! - [`Lease`]: one holder, fenced. [`Numbers`] and [`Walk`]: lists at the cost of a page.
//!
//! Events leave through [`katonic_bus::Publisher`].
#![warn(missing_docs)]

mod aggregate;
mod collection;
mod condition;
mod config;
mod diff;
mod error;
mod history;
mod index;
mod lease;
mod numbers;
mod outbox;
mod page;
mod records;
mod relay;
mod retry;
mod row;
mod shown;
mod store;
mod table;
mod transaction;

pub use aggregate::{Aggregate, Fact, Idempotency, Insertion, Record, Stored, Version};
pub use bson::{Document, doc};
pub use collection::{COMMAND_BOUND, Collection};
pub use config::StoreConfig;
pub use error::StoreError;
pub use history::HistoryEntry;
pub use index::Index;
pub use lease::{Epoch, Lease};
pub use numbers::Numbers;
pub use page::{Page, Walk};
pub use records::Records;
pub use store::Store;
pub use transaction::Transaction;
