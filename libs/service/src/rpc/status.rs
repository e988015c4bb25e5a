//! The only map from error kinds to gRPC status, and back.
//!
//! The kind travels in `google.rpc.ErrorInfo` (reason, domain `katonic.io`,
//! metadata `kind`), field violations in `google.rpc.BadRequest`. The cause of
//! an internal error is logged here, once, and never sent.

use std::{collections::HashMap, time::Duration};

use katonic_domain::{
    ErrorKind,
    error::{Classified, Violation},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::runtime::chain;

/// The domain of our reasons.
pub const DOMAIN: &str = "katonic.io";
const KIND: &str = "kind";

/// The gRPC code of a kind.
pub const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::FailedPrecondition | ErrorKind::Stale => Code::FailedPrecondition,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Exhausted | ErrorKind::QuotaExceeded | ErrorKind::RateLimited => Code::ResourceExhausted,
        ErrorKind::TooLarge => Code::OutOfRange,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Internal => Code::Internal,
    }
}

/// The kind of a code that came without our details, such as from a proxy.
pub const fn kind_of(code: Code) -> ErrorKind {
    match code {
        Code::NotFound | Code::Unimplemented => ErrorKind::NotFound,
        Code::AlreadyExists => ErrorKind::AlreadyExists,
        Code::InvalidArgument => ErrorKind::Invalid,
        Code::OutOfRange => ErrorKind::TooLarge,
        Code::FailedPrecondition => ErrorKind::FailedPrecondition,
        Code::Aborted => ErrorKind::Conflict,
        Code::PermissionDenied => ErrorKind::Denied,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::ResourceExhausted => ErrorKind::Exhausted,
        Code::Unavailable | Code::Cancelled => ErrorKind::Unavailable,
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => ErrorKind::Internal,
    }
}

/// The status of an error.
pub fn to_status<E: Classified + ?Sized>(error: &E) -> Status {
    let failure = Failure {
        kind: error.kind(),
        reason: error.reason().to_owned(),
        message: error.public_message(),
        violations: error.violations(),
        retry_after: None,
    };
    if failure.kind == ErrorKind::Internal {
        tracing::error!(reason = failure.reason, cause = %cause(error), "an internal error was answered");
    } else {
        tracing::debug!(reason = failure.reason, cause = %cause(error), "an error was answered");
    }
    failure.into()
}

fn cause<E: Classified + ?Sized>(error: &E) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        text.push_str(": ");
        text.push_str(&chain(source));
    }
    text
}

/// An error as a peer answered it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the receiver can do about it.
    pub kind: ErrorKind,
    /// The peer's stable code; empty where it sent none.
    pub reason: String,
    /// What the caller is told.
    pub message: String,
    /// Which request fields are wrong and why.
    pub violations: Vec<Violation>,
    /// When to repeat, where the peer said so.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with no more than kind, reason and message.
    pub fn new(kind: ErrorKind, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), message: message.into(), violations: Vec::new(), retry_after: None }
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let kind = HashMap::from([(KIND.to_owned(), name(failure.kind).to_owned())]);
        let mut details = ErrorDetails::with_error_info(failure.reason, DOMAIN, kind);
        if !failure.violations.is_empty() {
            let fields = failure.violations.into_iter().map(|v| FieldViolation::new(v.field, v.description));
            details.set_bad_request(fields.collect::<Vec<_>>());
        }
        if let Some(delay) = failure.retry_after {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(code(failure.kind), failure.message, details)
    }
}

/// What a status says. The text of a status without our details is not shown:
/// it may be a proxy's or a library's.
pub fn from_status(status: &Status) -> Failure {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    let Some(info) = info else { return foreign(status) };
    let kind = info.metadata.get(KIND).and_then(|text| kind_named(text)).unwrap_or_else(|| kind_of(status.code()));
    let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    Failure {
        kind,
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        violations: fields.iter().map(|f| Violation::new(&f.field, &f.description)).collect(),
        retry_after: details.retry_info().and_then(|info| info.retry_delay),
    }
}

fn foreign(status: &Status) -> Failure {
    tracing::debug!(code = ?status.code(), message = status.message(), "a status without our details");
    let (kind, reason, message) = match status.code() {
        Code::Unavailable | Code::Cancelled => (ErrorKind::Unavailable, "UNAVAILABLE", "a service does not answer"),
        Code::DeadlineExceeded => (ErrorKind::Timeout, "TIMEOUT", "a service did not answer in time"),
        Code::Unimplemented | Code::NotFound => (ErrorKind::NotFound, "NOT_FOUND", "there is no such call"),
        Code::Unauthenticated => (ErrorKind::Unauthenticated, "UNAUTHENTICATED", "the caller is not known"),
        Code::PermissionDenied => (ErrorKind::Denied, "DENIED", "the caller may not do this"),
        Code::InvalidArgument => (ErrorKind::Invalid, "INVALID", "the request is not valid"),
        Code::OutOfRange => (ErrorKind::TooLarge, "TOO_LARGE", "the message is too large"),
        Code::AlreadyExists => (ErrorKind::AlreadyExists, "ALREADY_EXISTS", "it exists already"),
        Code::FailedPrecondition => (ErrorKind::FailedPrecondition, "WRONG_STATE", "its state does not allow this"),
        Code::Aborted => (ErrorKind::Conflict, "CONFLICT", "somebody else changed it at the same time"),
        Code::ResourceExhausted => (ErrorKind::Exhausted, "EXHAUSTED", "a limit is reached"),
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            (ErrorKind::Internal, "INTERNAL", "an internal error")
        }
    };
    Failure::new(kind, reason, message)
}

const fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not_found",
        ErrorKind::AlreadyExists => "already_exists",
        ErrorKind::Invalid => "invalid",
        ErrorKind::FailedPrecondition => "failed_precondition",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Denied => "denied",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Exhausted => "exhausted",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Internal => "internal",
        ErrorKind::Stale => "stale",
        ErrorKind::QuotaExceeded => "quota_exceeded",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::TooLarge => "too_large",
    }
}

fn kind_named(text: &str) -> Option<ErrorKind> {
    ErrorKind::ALL.into_iter().find(|kind| name(*kind) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in ErrorKind::ALL {
            let failure = Failure {
                kind,
                reason: "SOME_REASON".to_owned(),
                message: "text".to_owned(),
                violations: vec![Violation::new("name", "too long")],
                retry_after: Some(Duration::from_secs(3)),
            };
            assert_eq!(from_status(&failure.clone().into()), failure);
        }
    }

    #[test]
    fn the_text_of_a_foreign_status_is_not_shown() {
        let failure = from_status(&Status::internal("mongodb://user:password@host: no primary"));
        assert_eq!(failure.kind, ErrorKind::Internal);
        assert!(!failure.message.contains("mongodb"), "{}", failure.message);
    }

    #[test]
    fn a_bare_code_has_the_kind_that_maps_to_it() {
        for kind in ErrorKind::ALL {
            let status = Status::new(code(kind), "");
            assert_eq!(code(kind_of(status.code())), code(kind));
        }
    }
}
