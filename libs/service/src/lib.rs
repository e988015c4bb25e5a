//! What every service of the platform is made of: configuration, telemetry,
//! the process's life, gRPC both ways, identity and idempotency keys.
//!
//! ```text
//!   main.rs:  start::run: flags ─> config ─> telemetry ─> runtime ─┐
//!                                                                  v
//!   a call in:   http ─> rpc::Server ─> trace ─> auth::Layer ─> handler: auth::user(…)?
//!   a call out:  rpc::channel ─> deadline, traceparent, minted token ─> the owner
//!   an error:    Classified ─> rpc::status ─> google.rpc details ─> rpc::Failure
//!   the process: part, the same RPCs everywhere
//! ```
//!
//! There is one way to do each of these, in tests too.
#![warn(missing_docs)]

pub mod aggregates;
pub mod auth;
pub mod config;
pub mod fields;
pub mod http;
pub mod idempotency;
pub mod part;
pub mod rpc;
pub mod runtime;
pub mod start;
pub mod telemetry;

pub use config::Secret;
pub use runtime::Shutdown;
pub use start::Start;
