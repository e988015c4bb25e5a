//! metadata: users, tokens, projects, tiers, access decisions and broker
//! subscriptions; in the role `git`, the projects' repositories.
//!
//! ```text
//!  grpc ──> usecases ──> store (projects, tokens, users, subscriptions)
//!              │            ^
//!              └──> domain  └── git: heads follow refs (W5)
//! ```
//!
//! Must hold: a decision is made here and nowhere else; a secret is stored as
//! its hash and shown once; a name is unique per owner. It keeps no state in
//! memory: killed, it starts again where the store is.

pub mod app;
pub mod clients;
pub mod config;
pub mod domain;
pub mod error;
pub mod git;
pub mod grpc;
pub mod snapshot;
pub mod store;
pub mod usecases;
