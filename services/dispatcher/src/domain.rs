//! What an execution is and may become: pure, without IO, time only as an argument.
//!
//! ```text
//!   spec ──► execution ──► phase (transition)
//!                │             ▲
//!            attempt ──► reason (one table)
//!                │
//!           checkpoints        explain: says it in words
//!                │
//!   metered ─► consumption: what was used, and its cost
//!
//!   queue, usage, limits ──► order (of one tier) ──► admission: who is next
//!     ▲                                         └──► standing, wait: why not yet
//!   held ◄── dependency: who waits for others to end
//! ```

pub mod admission;
pub mod attempt;
pub mod checkpoints;
pub mod consumption;
pub mod dependency;
pub mod edit;
pub mod execution;
pub mod explain;
pub mod held;
pub mod limits;
pub mod member;
pub mod metered;
pub mod order;
pub mod params;
pub mod phase;
pub mod policy;
pub mod priority;
pub mod queue;
pub mod reason;
pub mod retry;
pub mod schedule;
pub mod series;
pub mod spec;
pub mod standing;
pub mod timetable;
pub mod usage;
pub mod variables;
pub mod wait;
