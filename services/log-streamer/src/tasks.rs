//! What runs by itself.

pub mod cutter;
