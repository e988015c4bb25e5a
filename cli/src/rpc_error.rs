//! What a failed call means: the only place that reads a gRPC status.

use std::fmt::Write as _;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::failure::Explain;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot even be built from its configuration.
    #[error("`{0}` cannot be called")]
    Misconfigured(String),
    /// There is nobody, or only a part of the platform, at the other end.
    #[error("the platform at {url} cannot be reached: {detail}")]
    Unreachable {
        /// The gateway.
        url: String,
        /// The innermost cause, such as `Connection refused`.
        detail: String,
    },
    /// The platform answered that it will not.
    #[error("{0}")]
    Refused(Box<Refusal>),
}

/// An answer that is no.
#[derive(Debug, thiserror::Error)]
pub struct Refusal {
    code: Code,
    reason: String,
    message: String,
    violations: Vec<(String, String)>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = if self.message.is_empty() { self.code.description().to_owned() } else { self.message.clone() };
        for (field, description) in &self.violations {
            write!(text, "; {field}: {description}")?;
        }
        f.write_str(&text)
    }
}

impl Error {
    /// Reads the status that a call to the gateway at `url` ended with.
    pub fn new(url: &str, status: &Status) -> Self {
        if is_transport(status) {
            return Self::Unreachable { url: url.to_owned(), detail: innermost(status) };
        }
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        Self::Refused(Box::new(Refusal {
            code: status.code(),
            reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            violations: violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect(),
        }))
    }

    /// The gateway at `url` closed a stream before its end, again and again.
    pub fn closed(url: &str) -> Self {
        Self::Unreachable { url: url.to_owned(), detail: "it closed the stream".to_owned() }
    }

    /// The code of a refusal; `Unavailable` where nobody answered.
    pub fn code(&self) -> Code {
        match self {
            Self::Misconfigured(_) => Code::InvalidArgument,
            Self::Unreachable { .. } => Code::Unavailable,
            Self::Refused(refusal) => refusal.code,
        }
    }

    /// Whether the platform refused for this stated reason, such as `UNKNOWN_COMMIT`.
    pub fn has_reason(&self, reason: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.reason == reason)
    }

    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Misconfigured(_) => false,
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => {
                matches!(refusal.code, Code::Unavailable | Code::DeadlineExceeded | Code::Aborted)
            }
        }
    }
}

/// Whether a status was made on this side because the connection failed.
fn is_transport(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::transport::Error>() || error.is::<std::io::Error>() {
            return true;
        }
        source = error.source();
    }
    // What tonic says of a stream that was cut without trailers.
    matches!(status.code(), Code::Unknown | Code::Internal) && std::error::Error::source(status).is_some()
}

/// The last cause of the chain: what the ones before it only introduce.
fn innermost(status: &Status) -> String {
    let mut innermost: &dyn std::error::Error = status;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self.code() {
            Code::Unavailable => "let `katonic doctor` look for the cause; `katonic up` starts this machine's platform",
            Code::Unauthenticated => "set KATONIC_TOKEN to a token that has neither expired nor been revoked",
            Code::PermissionDenied => "ask the owner of the project, or use a token with the scope that is named",
            Code::NotFound => "check the id; `katonic projects list` and `katonic jobs list` show yours",
            Code::InvalidArgument | Code::OutOfRange => "correct it and repeat the command",
            Code::AlreadyExists => "choose another name, or use what is there",
            Code::FailedPrecondition => "look at its state by `katonic jobs show`",
            Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded | Code::Cancelled => {
                "wait a moment and repeat the command"
            }
            Code::Unimplemented => "use a `katonic` of the same version as the platform",
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
                "look at `katonic status` and the service's log; this is a fault of the platform"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn violations_and_reasons_are_read() {
        let mut details = ErrorDetails::with_error_info("UNKNOWN_COMMIT", "katonic.io", []);
        details.add_bad_request_violation("commit", "there is none");
        let status = Status::with_error_details(Code::InvalidArgument, "the request is wrong", details);
        let error = Error::new("http://h", &status);
        assert!(error.has_reason("UNKNOWN_COMMIT"));
        assert_eq!(error.to_string(), "the request is wrong; commit: there is none");
        assert!(!error.is_transient());
    }

    #[test]
    fn a_cut_connection_is_unreachable() {
        let status = Status::from_error(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        let error = Error::new("http://h", &status);
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(error.is_transient());
    }

    #[test]
    fn what_the_server_said_is_not_taken_for_a_broken_connection() {
        let error = Error::new("http://h", &Status::internal("a fault"));
        assert!(matches!(error, Error::Refused(_)) && !error.is_transient());
    }
}
