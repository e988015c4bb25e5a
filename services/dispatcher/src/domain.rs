//! What an execution is and may become: pure, without IO, time only as an argument.
//!
//! ```text
//!   spec ──► execution ──► phase (transition)
//!                │             ▲
//!            attempt ──► reason (one table)
//!                │
//!           checkpoints        admission, explain: decisions over all of it
//! ```

pub mod admission;
pub mod attempt;
pub mod checkpoints;
pub mod edit;
pub mod execution;
pub mod explain;
pub mod member;
pub mod params;
pub mod phase;
pub mod priority;
pub mod reason;
pub mod spec;
