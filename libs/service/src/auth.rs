//! Who calls, and whether they may call this RPC (DESIGN 8).
//!
//! ```text
//!  user ──kat_…──> gateway ──60 s JWT, aud = owner──> owner: Layer ──> Caller in the request
//!  agent ──kmt_… (Claim) or 60 s JWT──> gateway (unchanged) ──> owner
//!  service ──60 s JWT, sub = svc_<name>──> owner
//! ```
//!
//! The [`Layer`] authenticates, refuses an RPC without a rule, and checks kind
//! and scope. The handler's first line repeats the kind, names its action, and
//! gets who calls: [`user`], [`service`], [`agent`], [`ticket`]. What the
//! principal may do to which object is then the owner's decision.

mod audience;
mod caller;
mod claims;
mod decisions;
mod error;
mod keys;
mod layer;
mod minter;
mod recheck;
#[cfg(test)]
mod tests;
mod verifier;

pub use audience::Audience;
pub use caller::{Agent, Caller, Ticket, User, admit, agent, any_agent, anyone, service, ticket, user};
pub use claims::{Claims, Kind};
pub use decisions::Decisions;
pub use error::{Error, KeyError};
pub use layer::{AuthService, Call, Layer, refusal};
pub use minter::{AgentGrant, Minted, Minter, UserGrant};
pub use recheck::{DECISION_LIFETIME, rechecked};
pub use verifier::Verifier;

/// What every launch ticket starts with.
pub const TICKET_PREFIX: &str = "kmt_";

/// The bearer of an `authorization` header value.
pub fn bearer(value: &http::HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}
