//! gRPC both ways: the one server, the one way to call a peer, the one map of
//! errors.

mod client;
mod drain;
mod health;
mod server;
pub mod status;
mod trace;

pub use client::{Channel, ClientError, Outgoing, channel, channel_with_deadline, endpoint};
pub use drain::until;
pub use health::{Checks, Readiness};
pub use server::{Server, ServerError, open_services, part_service, probes};
pub use status::{Failure, from_status, to_status};
