//! What there is: pure types with their rules, and how each is kept.

pub mod actions;
pub mod decision;
pub mod etag;
pub mod grant;
pub mod limit;
pub mod organisation;
pub mod party;
pub mod project;
pub mod subscription;
pub mod tier;
pub mod token;
pub mod user;
