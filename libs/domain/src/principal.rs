//! Who asks: a user, a service or an agent, and what their credential may be used for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    id::{TokenId, UserId},
    member::MemberId,
    name::Name,
};

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person or machine with an access token.
    User {
        /// The user.
        id: UserId,
        /// The token that was used.
        token: TokenId,
        /// Whether the user administers the installation.
        admin: bool,
        /// What the token may be used for.
        scopes: BTreeSet<Scope>,
    },
    /// Another service of the installation.
    Service(Name),
    /// An agent, for one member.
    Agent(MemberId),
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of {}", Scope::LIST.join(", "))]
pub struct ScopeError;

/// What a token may be used for: `<noun>:<verb>`, or `*` for everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Scope(&'static str);

// Derived, it would want input that lives for ever, for the field's lifetime.
impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Scope {
    /// Every scope there is.
    pub const LIST: [&'static str; 25] = [
        "*",
        "events:subscribe",
        "executions:read",
        "executions:write",
        "files:read",
        "files:write",
        "grants:read",
        "grants:write",
        "limits:read",
        "limits:write",
        "logs:read",
        "operations:read",
        "operations:write",
        "organisations:read",
        "organisations:write",
        "projects:read",
        "projects:write",
        "search:read",
        "search:write",
        "self:read",
        "tiers:write",
        "tokens:read",
        "tokens:write",
        "users:read",
        "users:write",
    ];

    /// The scope as text.
    pub const fn as_str(&self) -> &'static str {
        self.0
    }

    /// Whether a set of scopes allows what `wanted` allows.
    pub fn granted(scopes: &BTreeSet<Self>, wanted: &str) -> bool {
        scopes.iter().any(|scope| scope.0 == "*" || scope.0 == wanted)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::LIST.into_iter().find(|scope| *scope == text).map(Self).ok_or(ScopeError)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0.to_owned()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
