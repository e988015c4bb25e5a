//! What runs by itself.

pub mod cutter;
pub mod sweeper;
