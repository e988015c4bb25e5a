//! What can be done; one file a noun.

pub mod access;
pub mod bootstrap;
pub mod grants;
pub mod launches;
pub mod limits;
pub mod organisations;
pub mod project_list;
pub mod projects;
pub mod subscriptions;
pub mod tiers;
pub mod tokens;
pub mod users;
pub mod visibility;
