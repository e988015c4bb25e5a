//! An access token: what its secret, which only its hash is kept of, is good for.

use std::{collections::BTreeSet, time::Duration};

use katonic_domain::{Scope, Timestamp, TokenId, UserId, error::Violation};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot;

const LONGEST_NAME: usize = 100;
const SHORTEST_LIFE: Duration = Duration::from_secs(1);
const LONGEST_LIFE: Duration = Duration::from_hours(366 * 24);
const DEFAULT_LIFE: Duration = Duration::from_hours(90 * 24);

/// It was made.
pub const CREATED: Fact = Fact("created");
/// It is good for nothing any more.
pub const REVOKED: Fact = Fact("revoked");

/// An access token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Which.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// Dense among the user's tokens: lists walk it.
    pub number: u64,
    /// What it is for, in its owner's words.
    pub name: String,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the secret, in hexadecimal.
    pub secret_sha256: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when; none means for ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl Token {
    /// Whether it lets its user in now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn admit(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// Revokes it; nothing happens to one that is revoked already.
    pub fn revoke(&mut self, now: Timestamp) -> Option<Fact> {
        if self.revoked_at.is_some() {
            return None;
        }
        self.revoked_at = Some(now);
        Some(REVOKED)
    }
}

/// A token was to be good for longer than the one that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token cannot be good for longer than the one that makes it")]
pub struct Outlives;

/// What a new token is made of, checked.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it is to be good for.
    pub scopes: BTreeSet<Scope>,
    /// For how long; none means the default, or what its maker's has left.
    pub lifetime: Option<Duration>,
}

impl NewToken {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn check(name: String, scopes: &[String], lifetime: Option<Duration>) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            violations.push(Violation::new("name", "has 1 to 100 characters, none of them a control character"));
        }
        if scopes.is_empty() {
            violations.push(Violation::new("scopes", "names at least one scope"));
        }
        let parsed: Result<BTreeSet<Scope>, _> = scopes.iter().map(|scope| scope.parse()).collect();
        if lifetime.is_some_and(|lifetime| !(SHORTEST_LIFE..=LONGEST_LIFE).contains(&lifetime)) {
            violations.push(Violation::new("lifetime", "is between 1 second and 366 days"));
        }
        match parsed {
            Ok(scopes) if violations.is_empty() => return Ok(Self { name, scopes, lifetime }),
            Ok(_) => {}
            Err(why) => violations.push(Violation::new("scopes", why.to_string())),
        }
        Err(violations)
    }

    /// Whether somebody who holds these scopes may hand out all of the new ones.
    pub fn within(&self, held: &BTreeSet<Scope>) -> bool {
        self.scopes.iter().all(|scope| Scope::granted(held, scope.as_str()))
    }

    /// Until when it is good: no longer than its maker's own token, if that has an end.
    ///
    /// # Errors
    /// [`Outlives`], where a longer lifetime was asked for.
    pub fn expiry(&self, now: Timestamp, bound: Option<Timestamp>) -> Result<Option<Timestamp>, Outlives> {
        let wanted = now.checked_add(self.lifetime.unwrap_or(DEFAULT_LIFE)).ok();
        match (wanted, bound) {
            (Some(wanted), Some(bound)) if wanted > bound && self.lifetime.is_some() => Err(Outlives),
            (Some(wanted), Some(bound)) => Ok(Some(wanted.min(bound))),
            (wanted, bound) => Ok(wanted.or(bound)),
        }
    }
}

impl Aggregate for Token {
    type Id = TokenId;

    const COLLECTION: &'static str = "tokens";
    const ENTITY: &'static str = "token";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["secret_sha256"]), Index::on(&["user", "number"])];

    fn id(&self) -> TokenId {
        self.id
    }

    fn project(&self) -> Option<katonic_domain::ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::token_access(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(expires_at: Option<i64>) -> Token {
        let at = |second| Timestamp::from_second(second).expect("a time");
        Token {
            id: TokenId::generate(),
            user: UserId::generate(),
            number: 1,
            name: "ci".to_owned(),
            scopes: BTreeSet::new(),
            secret_sha256: String::new(),
            created_at: at(0),
            expires_at: expires_at.map(at),
            revoked_at: None,
        }
    }

    #[test]
    fn a_token_lets_in_until_it_expires_or_is_revoked() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(token(None).admit(at(1_000_000)), Ok(()));
        assert_eq!(token(Some(10)).admit(at(9)), Ok(()));
        assert_eq!(token(Some(10)).admit(at(10)), Err(Refusal::Expired));
        let mut revoked = token(Some(10));
        assert_eq!(revoked.revoke(at(5)), Some(REVOKED));
        assert_eq!(revoked.revoke(at(6)), None);
        assert_eq!((revoked.revoked_at, revoked.admit(at(20))), (Some(at(5)), Err(Refusal::Revoked)));
    }

    #[test]
    fn nobody_hands_out_more_than_they_hold() {
        let scopes = |names: &[&str]| names.iter().map(|name| name.parse().expect("a scope")).collect();
        let asked = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            NewToken::check("ci".to_owned(), &names, None).expect("well-formed")
        };
        assert!(asked(&["projects:read"]).within(&scopes(&["*"])));
        assert!(asked(&["projects:read"]).within(&scopes(&["projects:read", "logs:read"])));
        assert!(!asked(&["projects:read", "projects:write"]).within(&scopes(&["projects:read"])));
        assert!(!asked(&["*"]).within(&scopes(&["projects:read"])));
    }

    #[test]
    fn a_token_ends_with_the_one_that_made_it() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let asked = |lifetime: Option<u64>| {
            NewToken::check("ci".to_owned(), &["*".to_owned()], lifetime.map(Duration::from_secs)).expect("well-formed")
        };
        assert_eq!(asked(Some(10)).expiry(at(0), None), Ok(Some(at(10))));
        assert_eq!(asked(Some(10)).expiry(at(0), Some(at(10))), Ok(Some(at(10))));
        assert_eq!(asked(Some(11)).expiry(at(0), Some(at(10))), Err(Outlives));
        assert_eq!(asked(None).expiry(at(0), Some(at(10))), Ok(Some(at(10))));
        assert_eq!(asked(None).expiry(at(0), None), Ok(Some(at(90 * 24 * 3600))));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = NewToken::check(String::new(), &["all".to_owned()], Some(Duration::ZERO));
        let fields: Vec<_> = wrong.err().unwrap_or_default().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["name", "lifetime", "scopes"]);
    }
}
