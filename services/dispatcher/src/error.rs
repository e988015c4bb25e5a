//! Why a use case could not do it, in the platform's kinds.

use katonic_domain::error::{Classified, ErrorKind, Violation};
use katonic_service::rpc::Failure;
use katonic_store::StoreError;

use crate::{
    backend,
    domain::{execution, member::ClaimError, phase::IllegalTransition, spec},
    waiting::{QueueFull, Whose},
};

/// Why a use case could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backend could not do it.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// What was asked for is wrong.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// There is none, or none that the caller may know of.
    #[error("there is no such execution")]
    NoExecution,
    /// There is none, or none that the caller may know of.
    #[error("there is no such schedule")]
    NoSchedule,
    /// It was taken away.
    #[error("the schedule was deleted")]
    ScheduleDeleted,
    /// The project has one of that name.
    #[error("the project has a schedule of that name already")]
    ScheduleExists,
    /// There is no such member, or the ticket is not its own: which, is not told.
    #[error("the launch ticket is not this member's")]
    NoMember,
    /// The caller may read it, but not do this.
    #[error("you may not do this here")]
    Denied,
    /// metadata cannot be asked.
    #[error("the access decision cannot be made now")]
    MetadataUnavailable(#[source] Failure),
    /// metadata decided against it.
    #[error(transparent)]
    Refused(Failure),
    /// The log could not be closed.
    #[error("the log cannot be closed now")]
    LogsUnavailable(#[source] Failure),
    /// The claim is refused.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A queue takes no more.
    #[error("{}", queue_full(*.0))]
    QueueFull(QueueFull),
    /// It was changed since the caller saw it.
    #[error("the execution was changed since you saw it; read it again")]
    Stale,
    /// The first stop came after the outcome was fixed.
    #[error("how the execution ends is decided already")]
    OutcomeFixed,
    /// The end was reported before the outcome.
    #[error("the outcome of this attempt is not fixed yet")]
    OutcomeNotFixed,
    /// The report is of an attempt that is over.
    #[error("the attempt is over")]
    AttemptOver,
    /// We tried what the phases do not allow.
    #[error("an execution was to change in a way that its phase forbids")]
    Illegal(#[source] IllegalTransition),
    /// There are no random bytes.
    #[error("there are no random bytes")]
    Random,
    /// A token cannot be made.
    #[error("a token cannot be made")]
    Token(#[from] katonic_service::auth::KeyError),
}

impl From<execution::Error> for Error {
    fn from(error: execution::Error) -> Self {
        match error {
            execution::Error::Illegal(transition) => Self::Illegal(transition),
            execution::Error::OutcomeFixed => Self::OutcomeFixed,
            execution::Error::NotCurrent => Self::AttemptOver,
        }
    }
}

impl From<QueueFull> for Error {
    fn from(full: QueueFull) -> Self {
        Self::QueueFull(full)
    }
}

fn queue_full(full: QueueFull) -> String {
    let (whose, limit) = match full.whose {
        Whose::User => ("you have", "for a user"),
        Whose::Project => ("this project has", "for the project"),
        Whose::Installation => ("the installation has", "for all together"),
    };
    format!(
        "{whose} as many executions in the queue as are allowed {limit}: {}; submit again when some have started, \
         stop some that wait, or ask an administrator for a higher limit",
        full.limit
    )
}

impl Error {
    /// What metadata answered instead of a decision.
    pub fn from_metadata(failure: Failure) -> Self {
        match failure.kind {
            ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Internal
            | ErrorKind::Exhausted
            | ErrorKind::RateLimited
            | ErrorKind::Unauthenticated => Self::MetadataUnavailable(failure),
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::Invalid
            | ErrorKind::FailedPrecondition
            | ErrorKind::Conflict
            | ErrorKind::Denied
            | ErrorKind::Stale
            | ErrorKind::QuotaExceeded
            | ErrorKind::TooLarge => Self::Refused(failure),
        }
    }
}

/// The reasons of metadata's refusals that callers are promised.
fn refused(reason: &str) -> &'static str {
    let promised = ["DENIED", "NOT_FOUND", "PROJECT_ARCHIVED", "UNKNOWN_COMMIT", "UNKNOWN_TIER"];
    promised.into_iter().find(|promised| *promised == reason).unwrap_or("REFUSED")
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Backend(error) => error.kind(),
            Self::Spec(_) => ErrorKind::Invalid,
            Self::NoExecution | Self::NoSchedule => ErrorKind::NotFound,
            Self::ScheduleExists => ErrorKind::AlreadyExists,
            Self::NoMember => ErrorKind::Unauthenticated,
            Self::Denied => ErrorKind::Denied,
            Self::MetadataUnavailable(_) | Self::LogsUnavailable(_) => ErrorKind::Unavailable,
            Self::Refused(failure) => failure.kind,
            Self::Stale => ErrorKind::Stale,
            Self::QueueFull(_) => ErrorKind::QuotaExceeded,
            Self::Claim(ClaimError::TicketInvalid) => ErrorKind::Unauthenticated,
            Self::Claim(ClaimError::ClaimedByAnother) => ErrorKind::Conflict,
            Self::Claim(ClaimError::Closed)
            | Self::OutcomeFixed
            | Self::OutcomeNotFixed
            | Self::AttemptOver
            | Self::ScheduleDeleted => ErrorKind::FailedPrecondition,
            Self::Illegal(_) | Self::Random | Self::Token(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Backend(error) => error.reason(),
            Self::Spec(_) => "INVALID_ARGUMENT",
            Self::NoExecution => "EXECUTION_NOT_FOUND",
            Self::NoSchedule => "SCHEDULE_NOT_FOUND",
            Self::ScheduleExists => "SCHEDULE_EXISTS",
            Self::ScheduleDeleted => "SCHEDULE_DELETED",
            Self::NoMember | Self::Claim(ClaimError::TicketInvalid) => "TICKET_INVALID",
            Self::Denied => "DENIED",
            Self::MetadataUnavailable(_) => "METADATA_UNAVAILABLE",
            Self::LogsUnavailable(_) => "LOGS_UNAVAILABLE",
            Self::Refused(failure) => refused(&failure.reason),
            Self::Stale => "ETAG_STALE",
            Self::QueueFull(QueueFull { whose: Whose::User, .. }) => "QUOTA_QUEUE_USER",
            Self::QueueFull(QueueFull { whose: Whose::Project, .. }) => "QUOTA_QUEUE_PROJECT",
            Self::QueueFull(QueueFull { whose: Whose::Installation, .. }) => "QUOTA_QUEUE_INSTALLATION",
            Self::Claim(ClaimError::ClaimedByAnother) => "CLAIMED_BY_ANOTHER",
            Self::Claim(ClaimError::Closed) | Self::AttemptOver => "MEMBER_CLOSED",
            Self::OutcomeFixed => "OUTCOME_FIXED",
            Self::OutcomeNotFixed => "OUTCOME_NOT_FIXED",
            Self::Illegal(_) => "ILLEGAL_TRANSITION",
            Self::Random => "NO_RANDOM",
            Self::Token(error) => error.reason(),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Store(error) => error.public_message(),
            Self::Backend(error) => error.public_message(),
            Self::Illegal(_) | Self::Random | Self::Token(_) => "the platform has a fault".to_owned(),
            other => other.to_string(),
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Spec(spec::Error(violations)) => violations.clone(),
            Self::Refused(failure) => failure.violations.clone(),
            _ => Vec::new(),
        }
    }
}
