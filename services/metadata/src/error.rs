//! Why a use case could not do it, in the platform's kinds.

use katonic_domain::error::{Classified, ErrorKind, Violation};
use katonic_store::StoreError;

use crate::{
    domain::{etag, organisation, project},
    git,
};

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
    /// There is a user of this name.
    #[error("there is a user of this name")]
    UserExists,
    /// There is an organisation of this name.
    #[error("there is an organisation of this name")]
    OrganisationExists,
    /// The caller's etag is not the current one.
    #[error("it was changed since this etag was given: read it again")]
    Stale,
    /// The project is kept for reading only.
    #[error("the project is archived: restore it first")]
    ProjectArchived,
    /// Nobody would be left who administers.
    #[error("the installation would have no administrator left")]
    LastAdministrator,
    /// Nobody would be left who decides who is in the organisation.
    #[error("the organisation would have no owner left")]
    LastOwner,
    /// The owner's role is not granted and not taken away.
    #[error("the owner's role goes with the project: transfer it")]
    OwnerGrant,
    /// The user is above what the caller may act on.
    #[error("an administrator makes their tokens themselves")]
    HigherRole,
    /// A token was to be good for longer than its maker's.
    #[error("a token cannot be good for longer than the one that makes it")]
    LongerThanHeld,
    /// The field names no user or organisation.
    #[error("there is no such user or organisation")]
    UnknownParty(&'static str),
    /// The project has roles for as many as it may.
    #[error("a project has at most 200 users and organisations with a role")]
    TooManyGrants,
    /// The organisation has as many members as it may.
    #[error("an organisation has at most 256 members")]
    TooManyMembers,
    /// Others change the same things.
    #[error("others changed the same at the same time; repeat it")]
    Contended,
    /// There is or was a tier of this name.
    #[error("there is or was a hardware tier of this name")]
    TierExists,
    /// The tier is out of use.
    #[error("this hardware tier is out of use")]
    TierRetired,
    /// The tier is the default.
    #[error("this hardware tier is the default; make another one the default first")]
    TierIsDefault,
    /// There are as many tiers as there can be.
    #[error("there are as many hardware tiers as there can be")]
    TooManyTiers,
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

impl From<etag::Stale> for Error {
    fn from(_: etag::Stale) -> Self {
        Self::Stale
    }
}

impl From<project::Refusal> for Error {
    fn from(refusal: project::Refusal) -> Self {
        match refusal {
            project::Refusal::Stale(_) => Self::Stale,
            project::Refusal::Archived => Self::ProjectArchived,
        }
    }
}

impl From<organisation::Refusal> for Error {
    fn from(refusal: organisation::Refusal) -> Self {
        match refusal {
            organisation::Refusal::LastOwner => Self::LastOwner,
            organisation::Refusal::Full => Self::TooManyMembers,
        }
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Broker(error) => error.kind(),
            Self::Files(_) => ErrorKind::Unavailable,
            Self::Invalid(_) | Self::UnknownTier | Self::UnknownCommit | Self::UnknownParty(_) => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Denied | Self::MoreThanHeld | Self::LongerThanHeld | Self::HigherRole => ErrorKind::Denied,
            Self::ProjectExists | Self::UserExists | Self::OrganisationExists => ErrorKind::AlreadyExists,
            Self::Stale => ErrorKind::Stale,
            Self::ProjectArchived | Self::LastAdministrator | Self::LastOwner | Self::OwnerGrant => {
                ErrorKind::FailedPrecondition
            }
            Self::TooManyGrants | Self::TooManyMembers => ErrorKind::QuotaExceeded,
            Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked => ErrorKind::Unauthenticated,
            Self::Contended => ErrorKind::Conflict,
            Self::TierExists => ErrorKind::AlreadyExists,
            Self::TierRetired | Self::TierIsDefault => ErrorKind::FailedPrecondition,
            Self::TooManyTiers => ErrorKind::QuotaExceeded,
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
            Self::UserExists => "USER_EXISTS",
            Self::OrganisationExists => "ORGANISATION_EXISTS",
            Self::Stale => "ETAG_STALE",
            Self::ProjectArchived => "PROJECT_ARCHIVED",
            Self::LastAdministrator => "LAST_ADMINISTRATOR",
            Self::LastOwner => "LAST_OWNER",
            Self::OwnerGrant => "OWNER_GRANT",
            Self::HigherRole => "HIGHER_ROLE",
            Self::LongerThanHeld => "LIFETIME_NOT_HELD",
            Self::UnknownParty(_) => "UNKNOWN_PARTY",
            Self::TooManyGrants => "QUOTA_GRANTS",
            Self::TooManyMembers => "QUOTA_MEMBERS",
            Self::Contended => "CONTENDED",
            Self::TierExists => "TIER_EXISTS",
            Self::TierRetired => "TIER_RETIRED",
            Self::TierIsDefault => "TIER_IS_DEFAULT",
            Self::TooManyTiers => "QUOTA_TIERS",
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
            Self::UnknownParty(field) => vec![Violation::new(*field, self.to_string())],
            Self::UnknownTier => vec![Violation::new("tier", self.to_string())],
            Self::UnknownCommit => vec![Violation::new("commit", self.to_string())],
            _ => Vec::new(),
        }
    }
}
