//! The contracts of `proto/` as Rust, and everything that is derived from
//! their descriptors.
//!
//! ```text
//!  proto/*.proto ──build.rs──> generated types, clients, servers
//!        └───────────────────> DESCRIPTOR_POOL ──> rules    who may call
//!                                              ──> routes   REST forms
//!                                              ──> events   catalogue of facts
//!                                              ──> openapi, asyncapi, schema
//! ```
//!
//! Nothing here is written per RPC: a new RPC or event appears in all of them.
#![warn(missing_docs)]

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

pub mod aggregates;
pub mod asyncapi;
pub mod envelope;
pub mod events;
pub mod json;
pub mod openapi;
mod options;
pub mod routes;
pub mod rules;
pub mod schema;
pub mod time;

/// The encoded `FileDescriptorSet` of every contract, with comments; gRPC
/// reflection serves it.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// The descriptors of every contract.
pub static DESCRIPTOR_POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).expect("the build script encoded it"));

macro_rules! packages {
    ($($(#[$doc:meta])* $owner:ident = $package:literal;)*) => {$(
        $(#[$doc])*
        pub mod $owner {
            /// Version 1 of the contract.
            #[allow(missing_docs, clippy::large_enum_variant, clippy::pedantic, unused_qualifications)]
            pub mod v1 {
                tonic::include_proto!($package);
            }
        }
    )*};
}

packages! {
    /// What every owner shows of its aggregates.
    aggregate = "katonic.aggregate.v1";
    /// REST options of RPCs.
    api = "katonic.api.v1";
    /// Access rules of RPCs.
    auth = "katonic.auth.v1";
    /// Executions and their members.
    dispatcher = "katonic.dispatcher.v1";
    /// Event options of messages.
    event = "katonic.event.v1";
    /// Logs: ingest and reading.
    logs = "katonic.logs.v1";
    /// Users, projects, tokens, tiers, access decisions.
    metadata = "katonic.metadata.v1";
    /// What every process answers about itself.
    part = "katonic.part.v1";
    /// The event feed and search.
    search = "katonic.search.v1";
}
