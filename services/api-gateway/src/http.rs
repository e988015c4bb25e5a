//! REST, by reflection: no handler is written per RPC (DESIGN C1, C2).
//!
//! ```text
//!  path ─> table ─> caps: body, nesting, query ─> authenticate ─> request: JSON, path, query ─> message
//!                                                                                                │
//!  JSON, Location, ETag <─ response <─ unary ──┬── codec ── owner <──────────────────────────────┘
//!  events or lines   <─ stream <─ streaming ────┘
//! ```

mod accept;
mod body;
mod codec;
mod request;
mod response;
mod stream;
mod table;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION, request::Parts, uri::PathAndQuery};
use katonic_domain::token::AccessToken;
use katonic_proto::{
    routes::Route,
    rules::{self, Rule},
};
use katonic_service::{
    auth::Audience,
    rpc::{Failure, from_status},
    telemetry,
};
use prost_reflect::DynamicMessage;
use stream::Framing;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use tonic::{Status, client::Grpc, metadata::MetadataMap, transport::Channel};

use crate::{
    app::Gateway,
    credential::{self, Credential, Schemes},
    http::codec::DynamicCodec,
    problem::Problem,
    session::Session,
};

/// How long an owner may take: the longest, a submit, waits for metadata's 10 s.
const DEADLINE: Duration = Duration::from_secs(30);
/// Largest answer: 200 executions of at most 64 KiB each, with room.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Request headers that an owner reads.
const PASSED: [&str; 1] = ["idempotency-key"];

/// A user who may go on, and what is held for them meanwhile.
struct Admission {
    token: AccessToken,
    session: Arc<Session>,
    _request: OwnedSemaphorePermit,
}

/// Answers a REST request.
pub(crate) async fn answer(gateway: &Gateway, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    transcode(gateway, &parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn transcode(gateway: &Gateway, parts: &Parts, body: axum::body::Body) -> Result<Response, Problem> {
    let found = table::find(&parts.method, parts.uri.path());
    request::cap_query(parts.uri.query())?;
    let body = body::read(&parts.headers, body, body::cap(found.route())).await?;
    let admission = match found.route().and_then(|route| rules::of_method(&route.rpc)) {
        Some(Rule::Public) => None,
        _ => Some(admit(gateway, &parts.headers).await?),
    };
    let (route, captures) = found.into_match()?;
    let framing = accept::framing(&parts.headers, route)?;
    let message = request::build(route, &captures, parts.uri.query(), &parts.headers, &body)?;
    call(gateway, route, parts, message, admission, framing).await
}

async fn admit(gateway: &Gateway, headers: &HeaderMap) -> Result<Admission, Failure> {
    let Credential::Token(token) = credential::of(headers, Schemes::Bearer)? else {
        return Err(credential::invalid());
    };
    let session = gateway.sessions.user(&token).await?;
    let request = session.limits.request()?;
    Ok(Admission { token, session, _request: request })
}

async fn call(
    gateway: &Gateway,
    route: &'static Route,
    parts: &Parts,
    message: DynamicMessage,
    admission: Option<Admission>,
    framing: Option<Framing>,
) -> Result<Response, Problem> {
    let path = rules::path(&route.rpc);
    let owner = Audience::of_path(&path).ok_or_else(Problem::no_route)?;
    let channel = gateway.upstreams.channel(owner).ok_or_else(Problem::no_route)?;
    let session = admission.as_ref().map(|admission| &admission.session);
    let authorization = session.map(|s| gateway.upstreams.authorization(&s.grant, owner)).transpose()?;
    let mut request = tonic::Request::new(message);
    *request.metadata_mut() = metadata(&parts.headers, authorization);
    let path = PathAndQuery::try_from(path).map_err(|_| Problem::no_route())?;
    let mut client = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
    ready(&mut client).await?;
    let codec = DynamicCodec::new(route.rpc.output());
    if let Some(framing) = framing {
        if parts.method == Method::HEAD {
            return Err(Problem::method("GET"));
        }
        let permit = match session {
            Some(session) => gateway.limits.user_stream(&session.limits),
            None => gateway.limits.open_stream(),
        }?;
        let answer = in_time(client.server_streaming(request, path, codec)).await?;
        let ending = gateway.sessions.clone().ending(admission.map(|a| a.token), gateway.shutdown.clone());
        return Ok(stream::response(framing, answer.into_inner(), ending, permit));
    }
    request.set_timeout(DEADLINE);
    // The owner's deadline ends with the head of its answer.
    let answer = in_time(client.unary(request, path, codec)).await?;
    response::build(route, answer)
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
    let answer = timeout(DEADLINE, answer).await.unwrap_or_else(|_| Err(Status::deadline_exceeded("")));
    answer.map_err(|status| from_status(&status))
}

async fn ready(client: &mut Grpc<Channel>) -> Result<(), Problem> {
    client.ready().await.map_err(|error| {
        tracing::warn!(error = %katonic_service::runtime::chain(&error), "an owner cannot be called");
        Problem::from(from_status(&Status::unavailable("")))
    })
}

fn metadata(headers: &HeaderMap, authorization: Option<HeaderValue>) -> MetadataMap {
    let mut passed = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = headers.get(name) {
            passed.insert(name, value.clone());
        }
    }
    if let Some(value) = authorization {
        passed.insert(AUTHORIZATION, value);
    }
    if let Some(value) = telemetry::traceparent().and_then(|text| HeaderValue::try_from(text).ok()) {
        passed.insert("traceparent", value);
    }
    MetadataMap::from_headers(passed)
}
