//! What every request passes first and every answer last: trace, load, headers.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use katonic_service::{rpc::Failure, telemetry};
use tonic::Status;
use tracing::{Instrument, field::Empty, info_span};

use crate::{limits::Limits, problem::Problem};

/// Path characters that a span shows.
const SHOWN: usize = 200;

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Health and metrics.
    Probe,
    /// gRPC.
    Grpc,
    /// Git over HTTP.
    Git,
    /// REST, and everything else.
    Rest,
}

impl Door {
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        if is_grpc(headers) {
            Self::Grpc
        } else if path.starts_with("/git/") {
            Self::Git
        } else if ["/healthz", "/readyz", "/metrics"].contains(&path) {
            Self::Probe
        } else {
            Self::Rest
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Grpc => "grpc",
            Self::Git => "git",
            Self::Rest => "rest",
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let rest = content_type.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// The outermost layer.
pub(crate) async fn edge(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    let door = Door::of(request.uri().path(), request.headers());
    let path: String = request.uri().path().chars().take(SHOWN).collect();
    let method = request.method();
    let span = info_span!(parent: None, "request", otel.kind = "server", http.method = %method, http.path = ?path, trace_id = Empty);
    let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::set_parent(&span, parent);
    let started = Instant::now();
    let mut response = answer(door, &limits, request, next).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("katonic_api_gateway_http_seconds", "door" => door.as_str(), "status" => status)
        .record(started.elapsed());
    harden(response.headers_mut());
    response
}

async fn answer(door: Door, limits: &Limits, request: Request, next: Next) -> Response {
    // A probe must be answered when all else is full.
    if door == Door::Probe {
        return next.run(request).await;
    }
    match limits.request() {
        Ok(_permit) => next.run(request).await,
        Err(failure) => refuse(door, failure),
    }
}

/// A failure in the language of its door.
pub(crate) fn refuse(door: Door, failure: Failure) -> Response {
    match door {
        Door::Grpc => Status::from(failure).into_http(),
        Door::Probe | Door::Git | Door::Rest => Problem::from(failure).into_response(),
    }
}

fn harden(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_opens_the_grpc_door() {
        let door = |path, content_type: &'static str| {
            Door::of(path, &HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]))
        };
        assert_eq!(door("/x", "application/grpc"), Door::Grpc);
        assert_eq!(door("/git/x", "application/grpc+proto"), Door::Grpc);
        assert_eq!(door("/api/v1/self", "application/grpc-web"), Door::Rest);
        assert_eq!(door("/git/x", "text/plain"), Door::Git);
        assert_eq!(door("/metrics", ""), Door::Probe);
    }
}
