//! Believes or refuses an internal token.
//!
//! One algorithm (`EdDSA`), one `typ`, a `kid` that the folder holds, no header
//! that brings a key of its own, and every time claim. Whatever is wrong, the
//! answer says no more than invalid or expired.

use std::{path::Path, sync::Arc};

use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use katonic_domain::{Clock, SystemClock};

use super::{
    Audience, Caller, Claims, Error, KeyError,
    claims::{LEEWAY_SECONDS, TYPE},
    keys::Keys,
};

/// Longest token that is looked at: twice the largest that we mint.
const MAX_TOKEN_BYTES: usize = 4096;

/// Verifies tokens against a folder of public keys. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Reads the public keys.
    ///
    /// # Errors
    /// A folder that cannot be read or holds none, or a file that is no key.
    pub fn load(dir: &Path) -> Result<Self, KeyError> {
        Ok(Self { keys: Arc::new(Keys::load(dir)?), clock: Arc::new(SystemClock) })
    }

    /// Who calls, by a token that must be for one of `audiences`.
    ///
    /// # Errors
    /// [`Error::Expired`], else [`Error::Invalid`].
    pub fn verify(&self, token: &str, audiences: &[Audience]) -> Result<Caller, Error> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Invalid)?;
        let key = trusted_kid(&header).and_then(|kid| self.keys.get(kid)).ok_or(Error::Invalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &validation(audiences)).map_err(|error| {
            if *error.kind() == ErrorKind::ExpiredSignature { Error::Expired } else { Error::Invalid }
        })?;
        decoded.claims.caller(self.clock.now())
    }
}

fn trusted_kid(header: &Header) -> Option<&str> {
    let brings_key = header.jku.is_some()
        || header.jwk.is_some()
        || header.x5u.is_some()
        || header.x5c.is_some()
        || header.x5t.is_some()
        || header.x5t_s256.is_some()
        || header.crit.is_some();
    let ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TYPE);
    if ours && !brings_key { header.kid.as_deref() } else { None }
}

fn validation(audiences: &[Audience]) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = LEEWAY_SECONDS.unsigned_abs();
    validation.validate_nbf = true;
    validation.set_audience(&audiences.iter().map(|audience| audience.as_str()).collect::<Vec<_>>());
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation
}
