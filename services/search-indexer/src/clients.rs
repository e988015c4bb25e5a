//! What the search-indexer asks of other services.

pub mod access;
pub mod owners;
