//! The only map from failures to RFC 9457 problems.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use katonic_domain::{ErrorKind, error::Violation};
use katonic_service::{rpc::Failure, telemetry};
use serde_json::{Value, json};
use tracing::error;

/// When to repeat where nobody said: short, since what is full drains fast.
const RETRY: Duration = Duration::from_secs(1);
/// An owner's reasons that HTTP tells apart from their kind's status.
const UNPROCESSABLE: [&str; 1] = ["IDEMPOTENCY_KEY_REUSED"];

/// What is answered instead of what was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    status: StatusCode,
    title: &'static str,
    code: String,
    detail: String,
    violations: Vec<Violation>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, code: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Details { status, title, code: code.to_owned(), detail, violations: Vec::new(), header: None }))
    }

    /// 400: the request is wrong whatever the state.
    pub(crate) fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title(ErrorKind::Invalid), code, detail)
    }

    /// 400: one field is wrong.
    pub(crate) fn field(field: &str, description: impl Into<String>) -> Self {
        let violation = Violation::new(field, description);
        let mut problem = Self::invalid("INVALID_FIELD", format!("{}: {}", violation.field, violation.description));
        problem.0.violations.push(violation);
        problem
    }

    /// 404: no such path.
    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, title(ErrorKind::NotFound), "NO_ROUTE", "there is nothing at this path")
    }

    /// 405, with what the path takes.
    pub(crate) fn method(allowed: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "METHOD_NOT_ALLOWED",
            format!("this path takes {allowed}"),
        );
        problem.0.header = HeaderValue::try_from(allowed).ok().map(|value| (ALLOW, value));
        problem
    }

    /// 406: the caller takes nothing that we have.
    pub(crate) fn not_acceptable(offered: &str) -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "Not acceptable",
            "NOT_ACCEPTABLE",
            format!("this path answers {offered}"),
        )
    }

    /// 413: the body is over the route's cap.
    pub(crate) fn body_too_large(cap: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            title(ErrorKind::TooLarge),
            "BODY_TOO_LARGE",
            format!("a body here has at most {cap} bytes"),
        )
    }

    /// 415: the body is not JSON.
    pub(crate) fn media_type() -> Self {
        let detail = "a body is application/json in UTF-8, not compressed";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "UNSUPPORTED_MEDIA_TYPE", detail)
    }

    /// 408: the body did not come.
    pub(crate) fn slow_body() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timeout", "BODY_TIMEOUT", "the body did not come in time")
    }

    /// 401 with the challenge that the client understands.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: &'static str) -> Self {
        if self.0.status == StatusCode::UNAUTHORIZED {
            self.0.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        self
    }

    /// The status that it will have.
    #[cfg(test)]
    pub(crate) const fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The problem as JSON, with the trace id of the current span.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({
            "type": format!("urn:katonic:problem:{}", self.0.code.to_ascii_lowercase().replace('_', "-")),
            "title": self.0.title,
            "status": self.0.status.as_u16(),
            "detail": self.0.detail,
            "code": self.0.code,
        });
        if let Some(trace_id) = telemetry::trace_id() {
            json["traceId"] = trace_id.into();
        }
        if !self.0.violations.is_empty() {
            let fields = self.0.violations.iter().map(|v| json!({"field": v.field, "description": v.description}));
            json["violations"] = fields.collect();
        }
        json
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let unprocessable = UNPROCESSABLE.contains(&failure.reason.as_str());
        let status = if unprocessable { StatusCode::UNPROCESSABLE_ENTITY } else { status(failure.kind) };
        if failure.kind == ErrorKind::Internal {
            error!(code = failure.reason, detail = failure.message, "a request failed by a fault of ours");
        }
        let mut problem = Self::new(status, title(failure.kind), &failure.reason, failure.message);
        problem.0.violations = failure.violations;
        problem.0.header = match status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, HeaderValue::from_static(BEARER))),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let seconds = failure.retry_after.unwrap_or(RETRY).as_secs().max(1);
                Some((RETRY_AFTER, HeaderValue::from(seconds)))
            }
            _ => None,
        };
        problem
    }
}

/// The challenge of the API; Git has its own.
const BEARER: &str = "Bearer realm=\"katonic\"";

const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::FailedPrecondition | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Exhausted | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::Stale => StatusCode::PRECONDITION_FAILED,
        ErrorKind::QuotaExceeded => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
    }
}

const fn title(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "Not found",
        ErrorKind::AlreadyExists => "Exists already",
        ErrorKind::Invalid => "Invalid request",
        ErrorKind::FailedPrecondition => "Wrong state",
        ErrorKind::Conflict => "Changed at the same time",
        ErrorKind::Denied => "Not allowed",
        ErrorKind::Unauthenticated => "Not authenticated",
        ErrorKind::Exhausted => "Used up",
        ErrorKind::Unavailable => "Not available now",
        ErrorKind::Timeout => "Not answered in time",
        ErrorKind::Internal => "Internal error",
        ErrorKind::Stale => "Not the current version",
        ErrorKind::QuotaExceeded => "Quota exceeded",
        ErrorKind::RateLimited => "Too many requests",
        ErrorKind::TooLarge => "Too large",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json().to_string()));
        *response.status_mut() = self.0.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.0.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fault_of_the_caller_is_a_5xx() {
        for kind in ErrorKind::ALL {
            let ours = matches!(
                kind,
                ErrorKind::Exhausted | ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal
            );
            assert_eq!(status(kind).is_server_error(), ours, "{kind:?}");
        }
    }

    #[test]
    fn a_reused_idempotency_key_is_unprocessable() {
        let failure = Failure::new(ErrorKind::Invalid, "IDEMPOTENCY_KEY_REUSED", "used");
        assert_eq!(Problem::from(failure).status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_caller_who_should_come_later_is_told_when() {
        for kind in [ErrorKind::RateLimited, ErrorKind::Unavailable] {
            let response = Problem::from(Failure::new(kind, "X", "x")).into_response();
            assert_eq!(response.headers()[RETRY_AFTER], "1");
        }
    }
}
