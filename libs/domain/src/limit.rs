//! How much may run and wait at once: limits, and whom they are for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{ProjectId, UserId};

/// A limit of one scope; none means that there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Members that may run at once; more queue.
    pub running: Option<u32>,
    /// Executions that may wait at once; more are refused.
    pub queued: Option<u32>,
}

impl Limit {
    /// This one, and where it says nothing the other.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            running: if self.running.is_some() { self.running } else { other.running },
            queued: if self.queued.is_some() { self.queued } else { other.queued },
        }
    }
}

/// Whom a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LimitScope {
    /// All of the installation together: `installation`.
    Installation,
    /// Each user that has no own: `users`.
    Users,
    /// Each project that has no own: `projects`.
    Projects,
    /// One user: `usr_…`.
    User(UserId),
    /// One project: `prj_…`.
    Project(ProjectId),
}

/// Why a text is not a scope of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a limit is for `installation`, `users`, `projects`, a user's id or a project's id")]
pub struct LimitScopeError;

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => f.write_str("installation"),
            Self::Users => f.write_str("users"),
            Self::Projects => f.write_str("projects"),
            Self::User(id) => id.fmt(f),
            Self::Project(id) => id.fmt(f),
        }
    }
}

impl FromStr for LimitScope {
    type Err = LimitScopeError;

    fn from_str(text: &str) -> Result<Self, LimitScopeError> {
        let user = || text.parse().map(Self::User).ok();
        match text {
            "installation" => Ok(Self::Installation),
            "users" => Ok(Self::Users),
            "projects" => Ok(Self::Projects),
            _ => user().or_else(|| text.parse().map(Self::Project).ok()).ok_or(LimitScopeError),
        }
    }
}

impl TryFrom<String> for LimitScope {
    type Error = LimitScopeError;

    fn try_from(text: String) -> Result<Self, LimitScopeError> {
        text.parse()
    }
}

impl From<LimitScope> for String {
    fn from(scope: LimitScope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_survives_its_text_and_nothing_else_passes() {
        let ids = [LimitScope::User(UserId::generate()), LimitScope::Project(ProjectId::generate())];
        let named = [LimitScope::Installation, LimitScope::Users, LimitScope::Projects];
        for scope in named.into_iter().chain(ids) {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for bad in ["", "user", "Users", "usr_1", "exe_01h455vb4pex5vsknk084sn02q"] {
            assert_eq!(bad.parse::<LimitScope>(), Err(LimitScopeError), "{bad:?}");
        }
    }

    #[test]
    fn an_own_limit_stands_before_another_field_by_field() {
        let own = Limit { running: Some(5), queued: None };
        let other = Limit { running: Some(2), queued: Some(10) };
        assert_eq!(own.or(other), Limit { running: Some(5), queued: Some(10) });
    }
}
