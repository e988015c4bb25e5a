//! The use cases of role api on a real store; the wire is tried by the
//! workspace's own tests, with the real binaries.

mod access;
mod grants;
mod organisations;
mod project_lists;
mod projects;
mod pushes;
mod tiers;
mod tokens;
mod users;
mod world;
