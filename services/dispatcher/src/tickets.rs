//! Launch tickets: what the backend hands to a member so that its agent may
//! claim it, good for one nonce (M2).
//!
//! A ticket is a keyed hash of the member's id, so it can be made again after a
//! crash and is stored nowhere in the clear but in the member's own directory.

use std::{fs, io, path::Path};

use hmac::{Hmac, KeyInit, Mac};
use katonic_domain::MemberId;
use katonic_service::auth::TICKET_PREFIX;
use sha2::{Digest, Sha256};

use crate::domain::member::TicketHash;

const PURPOSE: &[u8] = b"katonic launch ticket 1";

/// Makes tickets.
#[derive(Clone)]
pub struct Tickets(Hmac<Sha256>);

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets")
    }
}

impl Tickets {
    /// With a key derived from the installation's signing key.
    pub fn load(signing_key: &Path) -> io::Result<Self> {
        Ok(Self::derive(&fs::read(signing_key)?))
    }

    /// With a key derived from a secret.
    pub fn derive(secret: &[u8]) -> Self {
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        let own = keyed(secret).chain_update(PURPOSE).finalize().into_bytes();
        Self(keyed(&own))
    }

    /// The ticket of a member.
    pub fn of(&self, member: &MemberId) -> String {
        let code = self.0.clone().chain_update(member.to_string()).finalize().into_bytes();
        format!("{TICKET_PREFIX}{}", hex::encode(code))
    }
}

/// What is stored of a ticket.
pub fn hash(ticket: &str) -> TicketHash {
    TicketHash(hex::encode(Sha256::digest(ticket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(index: u32) -> MemberId {
        let execution = "exe_01h455vb4pex5vsknk084sn02q".parse().expect("an id");
        MemberId { execution, attempt: 1, role: "main".parse().expect("a name"), index }
    }

    #[test]
    fn a_ticket_is_its_members_and_its_installations() {
        let tickets = Tickets::derive(b"one");
        assert_eq!(tickets.of(&member(0)), Tickets::derive(b"one").of(&member(0)));
        assert_ne!(tickets.of(&member(0)), tickets.of(&member(1)));
        assert_ne!(tickets.of(&member(0)), Tickets::derive(b"two").of(&member(0)));
        assert_ne!(hash(&tickets.of(&member(0))), hash(&tickets.of(&member(1))));
    }
}
