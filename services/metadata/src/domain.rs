//! What there is: pure types with their rules, and how each is kept.

pub mod decision;
pub mod project;
pub mod subscription;
pub mod tier;
pub mod token;
pub mod user;
