//! The only public door: REST and gRPC on one port, Git over HTTP, and the
//! agents' way in.
//!
//! ```text
//!                      ┌ /healthz /readyz /metrics /docs/… and the documents ── answered here, open
//!  request ─> edge ────┼ /api/…                REST: route ─ caps ─ authenticate ─ transcode ─┐
//!  (trace, headers,    ├ application/grpc      pass-through: authenticate ─ raw frames ───────┼─> owner
//!   load)              └ /git/…                reverse proxy, Basic or Bearer ────────────────┘  60 s token
//! ```
//!
//! What must hold:
//! - nothing reaches an owner with the caller's own headers: identity is a
//!   token minted here, everything else is a short list of named headers;
//! - no RPC is written by hand: routes, types and rules come from descriptors;
//! - it keeps no state and decides nothing: a crash loses open requests only,
//!   and clients resume streams by cursor.
#![warn(missing_docs)]

pub mod app;
pub mod config;
pub mod credential;
mod documents;
mod edge;
mod http;
mod limits;
mod lookup;
mod pages;
mod part;
mod problem;
mod proxy;
mod session;
mod upstream;

/// The service's name: issuer of the tokens it mints, prefix of its metrics.
pub const NAME: &str = "api-gateway";
