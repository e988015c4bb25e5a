//! What goes on without anybody asking.
//!
//! ```text
//!   queue ── always ── what is written ─► the queue in memory
//!   policy_sync ── always ── metadata ──► tiers and limits
//!   the lease, while held ──┬──► admission   queue ─► places
//!                           ├──► reconciling members ─► what is wanted of them
//!                           └──► ticking  schedules ─► jobs
//!   agent_keeper ── always ────► katonic-agent lives
//! ```
//!
//! All of them are woken by what happens and look by themselves now and then;
//! a crash of any of them costs time, not correctness.

pub mod admission;
pub mod agent_keeper;
pub mod policy_sync;
pub mod queue;
pub mod reconciling;
pub mod ticking;
