//! A member: one process of one attempt. It starts inert; user code starts at
//! most once because exactly one nonce may claim it (M2).
//!
//! `open` says whether it may still run or report: closing is final. `holding`
//! says whether it still takes a place: set by admission, cleared when the
//! backend says that it is gone. Both lie on this document and nowhere else, so
//! usage is a sum and never a counter that drifts.

use std::{fmt, str::FromStr};

use katonic_domain::{ExecutionId, MemberId, Name, ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::checkpoints::{self, Checkpoint};

/// Chosen by an agent before its first claim: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

/// Why a text is not a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has 32 hexadecimal digits in lower case")]
pub struct NonceError;

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(hexadecimal) { Ok(Self(text.to_owned())) } else { Err(NonceError) }
    }
}

impl TryFrom<String> for Nonce {
    type Error = NonceError;

    fn try_from(text: String) -> Result<Self, NonceError> {
        text.parse()
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        nonce.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a launch ticket, hexadecimal: what is stored instead of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketHash(pub String);

/// Why a claim is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The ticket is not this member's.
    #[error("the launch ticket is not this member's")]
    TicketInvalid,
    /// Its attempt is over.
    #[error("the member is closed")]
    Closed,
    /// Another nonce has claimed it.
    #[error("the member was claimed by another")]
    ClaimedByAnother,
}

/// What its document holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// Its execution, by which members are found.
    pub execution: ExecutionId,
    /// Its project.
    pub project: ProjectId,
    /// Whose share of the tier it takes; none where it was admitted before there were shares.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// The tier whose place it takes.
    pub tier: Name,
    /// Whether it may still run or report.
    pub open: bool,
    /// Whether it takes a place.
    pub holding: bool,
    /// The uid of its user's code, where the backend gives each member its own.
    pub uid: Option<u32>,
    /// Of the ticket that its agent holds.
    pub ticket_hash: TicketHash,
    /// Who claimed it.
    pub nonce: Option<Nonce>,
    /// Steps that were reached.
    pub checkpoints: Vec<Checkpoint>,
    /// When it was admitted.
    pub admitted_at: Timestamp,
}

impl Member {
    /// Takes the right to run it. Answers whether that was news: the same nonce renews.
    pub fn claim(&mut self, ticket: &TicketHash, nonce: &Nonce) -> Result<bool, ClaimError> {
        if self.ticket_hash != *ticket {
            return Err(ClaimError::TicketInvalid);
        }
        if !self.open {
            return Err(ClaimError::Closed);
        }
        match &self.nonce {
            Some(held) if held == nonce => Ok(false),
            Some(_) => Err(ClaimError::ClaimedByAnother),
            None => {
                self.nonce = Some(nonce.clone());
                Ok(true)
            }
        }
    }

    /// Sets steps. Answers whether that was news.
    pub fn reach(&mut self, reported: &[Checkpoint]) -> bool {
        let merged = checkpoints::merge(&self.checkpoints, reported);
        let news = merged != self.checkpoints;
        self.checkpoints = merged;
        news
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::execution::{Execution, tests::at};

    /// The only member of an execution's first attempt.
    pub(crate) fn member_of(execution: &Execution) -> Member {
        let role: Name = "main".parse().expect("a name");
        Member {
            id: MemberId { execution: execution.id, attempt: 1, role, index: 0 },
            execution: execution.id,
            project: execution.project,
            owner: Some(execution.owner),
            tier: execution.spec.tier.name.clone(),
            open: true,
            holding: true,
            uid: None,
            ticket_hash: TicketHash("good".into()),
            nonce: None,
            checkpoints: Vec::new(),
            admitted_at: at(1),
        }
    }

    fn nonce(digit: &str) -> Nonce {
        digit.repeat(32).parse().expect("a nonce")
    }

    #[test]
    fn one_nonce_claims_and_renews_and_no_other_does() {
        let mut member = member_of(&crate::domain::execution::tests::queued(1));
        let ticket = member.ticket_hash.clone();
        assert_eq!(member.claim(&TicketHash("bad".into()), &nonce("a")), Err(ClaimError::TicketInvalid));
        assert_eq!(member.claim(&ticket, &nonce("a")), Ok(true));
        assert_eq!(member.claim(&ticket, &nonce("a")), Ok(false));
        assert_eq!(member.claim(&ticket, &nonce("b")), Err(ClaimError::ClaimedByAnother));
        member.open = false;
        assert_eq!(member.claim(&ticket, &nonce("a")), Err(ClaimError::Closed));
    }

    #[test]
    fn nonces_are_32_hexadecimal_digits() {
        for bad in ["", "g", &"A".repeat(32), &"a".repeat(33), &"é".repeat(16)] {
            assert_eq!(bad.parse::<Nonce>(), Err(NonceError), "{bad:?}");
        }
    }
}
