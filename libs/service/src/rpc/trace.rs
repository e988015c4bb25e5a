//! One span and one measurement per RPC.
//!
//! The remote parent is set on the span before the call is instrumented with
//! it: inside, it would be too late.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http::HeaderMap;
use katonic_proto::rules;
use metrics::{Label, SharedString};
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use tracing::{Instrument, field::Empty, info_span};

use super::drain::until;
use crate::{runtime::Shutdown, telemetry};

/// What the outermost layer of a server needs.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) shutdown: Shutdown,
    pub(super) seconds: SharedString,
}

/// Traces, counts, limits and drains every call.
pub(super) async fn calls(State(calls): State<Arc<Calls>>, request: Request, next: Next) -> Response {
    let method = method(request.uri().path());
    let span = info_span!(parent: None, "rpc", otel.kind = "server", rpc.method = %method, trace_id = Empty);
    telemetry::set_parent(&span, header(request.headers(), "traceparent"));
    let started = Instant::now();
    let response = match calls.in_flight.clone().try_acquire_owned() {
        Ok(_permit) => next.run(request).instrument(span.clone()).await,
        Err(_full) => Status::unavailable("too many calls at once").into_http(),
    };
    let labels = vec![Label::new("method", method), Label::new("code", code(&response))];
    metrics::histogram!(calls.seconds.clone(), labels).record(started.elapsed());
    let shutdown = calls.shutdown.clone();
    response.map(|body| until(body, drained(shutdown).boxed(), span))
}

async fn drained(shutdown: Shutdown) -> Status {
    shutdown.cancelled().await;
    Status::unavailable("the service is draining")
}

/// Only names that exist become labels: a caller cannot make up time series.
fn method(path: &str) -> String {
    if rules::rule(path).is_some() || path.starts_with("/grpc.") { path.to_owned() } else { "unknown".to_owned() }
}

/// `ok`, or why the call was refused at once; how a stream ended is in its log.
fn code(response: &Response) -> &'static str {
    let status = response.headers().get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()));
    match status {
        None | Some(Code::Ok) => "ok",
        Some(code) => code_name(code),
    }
}

const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
