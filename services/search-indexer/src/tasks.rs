//! What goes on without anybody asking.

pub mod indexing;
