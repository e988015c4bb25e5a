//! gRPC pass-through: who calls is replaced, the frames are not looked at.
//!
//! Agents keep their own token: the owner made it and only the owner knows
//! what it is good for. RPCs between services do not exist at this door.

use axum::{extract::Request, response::Response};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header::AUTHORIZATION};
use katonic_domain::{ErrorKind, token::AccessToken};
use katonic_proto::rules::{self, Rule};
use katonic_service::{
    auth::{Audience, Caller},
    rpc::{self, Failure},
    telemetry,
};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use tower::ServiceExt;
use tracing::Span;

use crate::{
    app::Gateway,
    credential::{self, Credential, Schemes},
    limits::StreamPermit,
};

/// The request headers that reach an owner; everything else stays here.
const PASSED: [&str; 8] = [
    "content-type",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-timeout",
    "idempotency-key",
    "if-match",
    "te",
    "user-agent",
];

/// The right to call, and what the call holds.
struct Admission {
    owner: Audience,
    authorization: Option<HeaderValue>,
    /// Asked again while the call lasts.
    token: Option<AccessToken>,
    request: Option<OwnedSemaphorePermit>,
    stream: StreamPermit,
}

impl Admission {
    /// Of somebody who is no user: nothing is asked again, no user's allowance is held.
    const fn of_stream(owner: Audience, authorization: Option<HeaderValue>, stream: StreamPermit) -> Self {
        Self { owner, authorization, token: None, request: None, stream }
    }
}

/// Passes a call on to its owner.
pub(crate) async fn forward(gateway: &Gateway, request: Request) -> Response {
    match admit(gateway, request.uri().path(), request.headers()).await {
        Ok(admission) => pass(gateway, admission, request).await,
        Err(status) => status.into_http(),
    }
}

async fn admit(gateway: &Gateway, path: &str, headers: &HeaderMap) -> Result<Admission, Status> {
    let owner = Audience::of_path(path).ok_or_else(unknown);
    match rules::rule(path) {
        Some(Rule::Public) => Ok(Admission::of_stream(owner?, None, gateway.limits.open_stream()?)),
        Some(Rule::Access(_)) => Ok(user(gateway, headers, owner?).await?),
        Some(Rule::Agent) => Ok(agent(gateway, headers, owner?).await?),
        Some(Rule::Service) | None => {
            // Who is not known does not even learn what there is not.
            user(gateway, headers, Audience::Metadata).await?;
            Err(unknown())
        }
    }
}

async fn user(gateway: &Gateway, headers: &HeaderMap, owner: Audience) -> Result<Admission, Failure> {
    let Credential::Token(token) = credential::of(headers, Schemes::Bearer)? else {
        return Err(credential::invalid());
    };
    let session = gateway.sessions.user(&token).await?;
    let request = session.limits.request()?;
    let stream = gateway.limits.user_stream(&session.limits)?;
    let authorization = Some(gateway.upstreams.authorization(&session.grant, owner)?);
    Ok(Admission { owner, authorization, token: Some(token), request: Some(request), stream })
}

async fn agent(gateway: &Gateway, headers: &HeaderMap, owner: Audience) -> Result<Admission, Failure> {
    match credential::of(headers, Schemes::Bearer)? {
        // Only its owner can say whether a ticket is good.
        Credential::Ticket => {}
        Credential::Jwt(jwt) => match gateway.verifier.verify(jwt.expose(), &[owner]) {
            Ok(Caller::Agent(_)) => {}
            Ok(_) => return Err(credential::invalid()),
            Err(error) => return Err(rpc::from_status(&rpc::to_status(&error))),
        },
        Credential::Token(token) => {
            gateway.sessions.user(&token).await?;
            return Err(Failure::new(ErrorKind::Denied, "CALLER_KIND", "this call is for agents"));
        }
    }
    Ok(Admission::of_stream(owner, headers.get(AUTHORIZATION).cloned(), gateway.limits.agent_stream()?))
}

/// As gRPC answers a name that nobody has.
fn unknown() -> Status {
    Status::unimplemented("there is no such call")
}

async fn pass(gateway: &Gateway, admission: Admission, request: Request) -> Response {
    let Admission { owner, authorization, token, request: in_flight, stream } = admission;
    let Some(channel) = gateway.upstreams.channel(owner) else { return unknown().into_http() };
    let outgoing = outgoing(request, authorization);
    let answered = channel.oneshot(outgoing).await;
    drop(in_flight);
    let response = match answered {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%owner, error = %katonic_service::runtime::chain(&error), "an owner does not answer");
            return Status::from(rpc::from_status(&Status::unavailable(""))).into_http();
        }
    };
    let ended = gateway.sessions.clone().ending(token, gateway.shutdown.clone());
    let ended = ended.map(|ending| Status::from(Failure::from(ending))).boxed();
    response.map(|body| rpc::until(stream.held_by(body), ended, Span::current()))
}

fn outgoing(request: Request, authorization: Option<HeaderValue>) -> http::Request<tonic::body::Body> {
    let (parts, body) = request.into_parts();
    let mut outgoing = http::Request::new(tonic::body::Body::new(body));
    *outgoing.method_mut() = Method::POST;
    *outgoing.version_mut() = Version::HTTP_2;
    *outgoing.uri_mut() = parts.uri.path().parse().unwrap_or_default();
    let headers = outgoing.headers_mut();
    for name in PASSED.map(HeaderName::from_static) {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, value);
    }
    if let Some(value) = telemetry::traceparent().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(HeaderName::from_static("traceparent"), value);
    }
    outgoing
}
