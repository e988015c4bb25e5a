//! Idempotency keys as an owner sees them (DESIGN C4).
//!
//! The digest names (principal, RPC, key) and is stored under a unique index
//! on the created document; the body hash tells a replay from another request
//! under the same key.

use katonic_domain::{ErrorKind, error::Classified};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::{auth::Call, rpc::status::to_status};

/// The request header and gRPC metadata key.
pub const HEADER: &str = "idempotency-key";
/// The response header and gRPC metadata key of a replay.
pub const REPLAYED: &str = "idempotency-replayed";
const MAX_KEY_BYTES: usize = 255;

/// What an owner stores with the document that it creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of principal, RPC and key, in hexadecimal.
    pub digest: String,
    /// SHA-256 of the request message, in hexadecimal.
    pub body_hash: String,
}

impl Idempotency {
    /// That of one part of a request that asks for many things, by its place.
    #[must_use]
    pub fn of_part<T: Message>(&self, place: usize, part: &T) -> Self {
        Self { digest: digest(&[&self.digest, &place.to_string()]), body_hash: body_hash(part) }
    }
}

/// Why an idempotency key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty, too long, or not visible ASCII.
    #[error("an idempotency key has 1 to 255 visible ASCII characters")]
    Malformed,
    /// The key was used with another request.
    #[error("this idempotency key was used with another request")]
    Reused,
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "IDEMPOTENCY_KEY_MALFORMED",
            Self::Reused => "IDEMPOTENCY_KEY_REUSED",
        }
    }
}

/// The idempotency key of a create, if the caller sent one.
///
/// # Errors
/// A malformed key, or a request that did not pass the auth layer.
pub fn read<T: Message>(request: &Request<T>) -> Result<Option<Idempotency>, Status> {
    let Some(value) = request.metadata().get(HEADER) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| well_formed(key)).ok_or_else(|| to_status(&Error::Malformed))?;
    let call = request.extensions().get::<Call>().ok_or_else(|| to_status(&crate::auth::Error::Missing))?;
    let digest = digest(&[&call.caller.subject(), &call.path, key]);
    Ok(Some(Idempotency { digest, body_hash: body_hash(request.get_ref()) }))
}

fn body_hash<T: Message>(message: &T) -> String {
    hex::encode(Sha256::digest(message.encode_to_vec()))
}

/// Marks an answer as a replay.
pub fn mark_replayed<T>(response: &mut Response<T>, replayed: bool) {
    if replayed {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
}

fn well_formed(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Each part with its length before it: no two lists of parts read the same.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_parts_apart() {
        assert_ne!(digest(&["ab", "c", "d"]), digest(&["a", "bc", "d"]));
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
    }

    #[test]
    fn keys_are_visible_ascii_of_limited_length() {
        assert!(well_formed("3f2c-1"));
        for bad in ["", "a b", "a\tb", "é", &"x".repeat(256)] {
            assert!(!well_formed(bad), "{bad:?} was taken");
        }
    }
}
