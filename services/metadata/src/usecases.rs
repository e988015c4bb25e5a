//! What can be done; one file a noun.

pub mod access;
pub mod bootstrap;
pub mod launches;
pub mod projects;
pub mod subscriptions;
pub mod tokens;
pub mod visibility;
