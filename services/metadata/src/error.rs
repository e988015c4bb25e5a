//! Why a use case could not do it, in the platform's kinds.

use katonic_domain::error::{Classified, ErrorKind, Violation};
use katonic_store::StoreError;

use crate::git;

/// Why a use case could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker could not do it.
    #[error(transparent)]
    Broker(#[from] katonic_bus::admin::Error),
    /// The repository cannot be asked.
    #[error("the project's files cannot be read now")]
    Files(#[source] git::Error),
    /// Request fields are wrong.
    #[error("the request is not valid")]
    Invalid(Vec<Violation>),
    /// There is none, or none that the caller may know of.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The caller may not do this.
    #[error("you may not do this here")]
    Denied,
    /// A token was to be good for more than its maker's.
    #[error("a token cannot be good for more than the one that makes it")]
    MoreThanHeld,
    /// The owner has a project of this name.
    #[error("you have a project of this name")]
    ProjectExists,
    /// No tier of this name.
    #[error("there is no hardware tier of this name")]
    UnknownTier,
    /// The repository has no such commit.
    #[error("the project's repository has no such commit")]
    UnknownCommit,
    /// The bearer is no token of ours.
    #[error("this token is not known")]
    TokenInvalid,
    /// The bearer's time is over.
    #[error("this token has expired")]
    TokenExpired,
    /// The bearer was revoked, or its user disabled.
    #[error("this token was revoked")]
    TokenRevoked,
    /// There are no random bytes.
    #[error("there are no random bytes")]
    Random,
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Broker(error) => error.kind(),
            Self::Files(_) => ErrorKind::Unavailable,
            Self::Invalid(_) | Self::UnknownTier | Self::UnknownCommit => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Denied | Self::MoreThanHeld => ErrorKind::Denied,
            Self::ProjectExists => ErrorKind::AlreadyExists,
            Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked => ErrorKind::Unauthenticated,
            Self::Random => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Broker(error) => error.reason(),
            Self::Files(_) => "FILES_UNAVAILABLE",
            Self::Invalid(_) => "INVALID_ARGUMENT",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Denied => "DENIED",
            Self::MoreThanHeld => "SCOPE_NOT_HELD",
            Self::ProjectExists => "PROJECT_EXISTS",
            Self::UnknownTier => "UNKNOWN_TIER",
            Self::UnknownCommit => "UNKNOWN_COMMIT",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenRevoked => "TOKEN_REVOKED",
            Self::Random => "NO_RANDOM",
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Store(error) => error.public_message(),
            Self::Broker(error) => error.public_message(),
            other => other.to_string(),
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Invalid(violations) => violations.clone(),
            Self::UnknownTier => vec![Violation::new("tier", self.to_string())],
            Self::UnknownCommit => vec![Violation::new("commit", self.to_string())],
            _ => Vec::new(),
        }
    }
}
