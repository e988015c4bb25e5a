//! Why a caller is refused, and why there are no keys.

use std::{io, path::PathBuf};

use katonic_domain::{ErrorKind, error::Classified};

/// Why a call is refused before its handler decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No `authorization: Bearer …`.
    #[error("a bearer token is needed")]
    Missing,
    /// Malformed, of another key, audience or issuer, or not signed by us.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// A known caller of another kind than the RPC is for.
    #[error("this call is not for callers of this kind")]
    WrongKind,
    /// An agent that speaks for another member.
    #[error("an agent speaks for its own member only")]
    AnotherMember,
    /// The token may not be used for this.
    #[error("the token has not the scope that this call needs")]
    Scope,
    /// The RPC carries no rule, so nobody may call it.
    #[error("there is no such call")]
    NoRule,
    /// The handler names another action than the RPC's rule: a fault of ours.
    #[error("the call cannot be authorised")]
    RuleMismatch,
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing | Self::Invalid | Self::Expired => ErrorKind::Unauthenticated,
            Self::WrongKind | Self::AnotherMember | Self::Scope => ErrorKind::Denied,
            Self::NoRule => ErrorKind::NotFound,
            Self::RuleMismatch => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Invalid => "TOKEN_INVALID",
            Self::Expired => "TOKEN_EXPIRED",
            Self::WrongKind => "CALLER_KIND",
            Self::AnotherMember => "ANOTHER_MEMBER",
            Self::Scope => "SCOPE_MISSING",
            Self::NoRule => "UNKNOWN_CALL",
            Self::RuleMismatch => "RULE_MISMATCH",
        }
    }
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key file or the folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not an Ed25519 key in PEM.
    #[error("{} is not an Ed25519 key in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: jsonwebtoken::errors::Error,
    },
    /// The file name is not `<kid>.key.pem`.
    #[error("{} is not named <kid>.key.pem", .0.display())]
    Name(PathBuf),
    /// Others than its owner may read a private key.
    #[error("{} may be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// The folder holds no public key.
    #[error("{} holds no public key", .0.display())]
    Empty(PathBuf),
    /// The system gave no random bytes.
    #[error("there are no random bytes")]
    Random,
    /// A token could not be signed.
    #[error("a token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

impl Classified for KeyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn reason(&self) -> &'static str {
        "KEYS_UNUSABLE"
    }

    fn public_message(&self) -> String {
        "the platform cannot use its signing keys".to_owned()
    }
}
