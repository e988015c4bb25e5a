//! The other services, as the dispatcher needs them.

pub mod logs;
pub mod metadata;
pub mod policies;
