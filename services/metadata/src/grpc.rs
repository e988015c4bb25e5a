//! The contracts, as handlers: parse, use case, reply.

pub mod access_service;
pub mod event_subscription_service;
pub mod grant_service;
pub mod hardware_tier_service;
pub mod limit_service;
pub mod operations_service;
pub mod organisation_service;
pub mod policy_service;
pub mod project_service;
pub mod token_service;
pub mod user_service;

use std::time::Duration;

use katonic_domain::error::Violation;
use katonic_service::{auth::User, fields, idempotency, rpc::to_status};
use katonic_store::Idempotency;
use prost_types::Duration as WireDuration;
use tonic::{Request, Status};

use crate::{error::Error, usecases::tokens::Maker};

/// How many items a page has where nobody said.
const DEFAULT_PAGE: usize = 50;

fn status(error: impl Into<Error>) -> Status {
    to_status(&error.into())
}

fn invalid(violations: Vec<Violation>) -> Status {
    status(Error::Invalid(violations))
}

/// The caller's Idempotency-Key, as the store keeps it.
fn idempotency_of<T: prost::Message>(request: &Request<T>) -> Result<Option<Idempotency>, Status> {
    let key = idempotency::read(request)?;
    Ok(key.map(|key| Idempotency { digest: key.digest, body_hash: key.body_hash }))
}

fn duration(field: &str, wire: &WireDuration) -> Result<Duration, Status> {
    Duration::try_from(*wire).map_err(|_| fields::invalid(field, "is not a duration of 0 or more"))
}

/// Only administrators.
fn administrator(user: &User) -> Result<(), Status> {
    if user.admin { Ok(()) } else { Err(status(Error::Denied)) }
}

/// The caller's token, as what makes another.
fn maker(user: User) -> Maker {
    let User { id, token, admin, scopes } = user;
    Maker { user: id, token, admin, scopes }
}
