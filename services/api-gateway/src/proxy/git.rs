//! Git over HTTP, passed on to the Git role: bytes stream both ways, nothing
//! is buffered.
//!
//! Only the three paths of smart HTTP exist. Git asks for a password only when
//! it gets a 401 with a Basic challenge; the token is the password.

use async_stream::stream;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version,
    header::{AUTHORIZATION, HOST},
    response::Parts,
    uri::PathAndQuery,
};
use katonic_domain::{AccessToken, ErrorKind, ProjectId};
use katonic_service::{
    Shutdown,
    auth::{Audience, Caller},
    rpc::{self, Failure},
    telemetry,
};

use tonic::Status;

use crate::{
    app::Gateway,
    credential::{self, Credential, Schemes},
    limits::StreamPermit,
    problem::Problem,
    session::Ending,
};

const CHALLENGE: &str = "Basic realm=\"katonic\"";
/// The request headers that reach the Git role.
const ASKED: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "content-length",
    "content-type",
    "git-protocol",
    "user-agent",
];
/// The response headers that reach the client.
const ANSWERED: [&str; 7] =
    ["cache-control", "content-encoding", "content-length", "content-type", "expires", "pragma", "retry-after"];

/// Passes a request on to the Git role.
pub(crate) async fn forward(gateway: &Gateway, request: Request) -> Result<Response, Problem> {
    let admission =
        admit(gateway, request.headers()).await.map_err(|failure| Problem::from(failure).challenge(CHALLENGE))?;
    allowed(request.method(), request.uri().path())?;
    let outgoing = outgoing(gateway.upstreams.git(), request, admission.authorization)?;
    // A drain lets an exchange go on until its deadline: half a push is no use to anybody.
    let mut ending = gateway.sessions.clone().ending(admission.token, Shutdown::new()).boxed();
    let response = tokio::select! {
        response = gateway.upstreams.http().request(outgoing) => response,
        ended = &mut ending => return Err(Problem::from(Failure::from(ended)).challenge(CHALLENGE)),
    };
    let response = response.map_err(|error| {
        tracing::warn!(error = %katonic_service::runtime::chain(&error), "the git role does not answer");
        Problem::from(Failure::new(ErrorKind::Unavailable, "GIT_UNAVAILABLE", "repositories are not available now"))
    })?;
    let (parts, body) = response.into_parts();
    let body = Body::from_stream(until(Body::new(body), ending));
    Ok(answer(parts, admission.permit.held_by(body)))
}

/// The right to an exchange, and what it holds.
struct Admission {
    /// Who calls, as the Git role is told.
    authorization: HeaderValue,
    /// Asked again while the exchange lasts.
    token: Option<AccessToken>,
    permit: StreamPermit,
}

async fn admit(gateway: &Gateway, headers: &HeaderMap) -> Result<Admission, Failure> {
    match credential::of(headers, Schemes::BearerOrBasic)? {
        Credential::Token(token) => {
            let session = gateway.sessions.user(&token).await?;
            drop(session.limits.request()?);
            let permit = gateway.limits.user_stream(&session.limits)?;
            let authorization = gateway.upstreams.authorization(&session.grant, Audience::Git)?;
            Ok(Admission { authorization, token: Some(token), permit })
        }
        Credential::Jwt(jwt) => match gateway.verifier.verify(jwt.expose(), &[Audience::Git]) {
            Ok(Caller::Agent(_)) => {
                let value = HeaderValue::try_from(format!("Bearer {}", jwt.expose()));
                let authorization = value.map_err(|_| credential::invalid())?;
                Ok(Admission { authorization, token: None, permit: gateway.limits.agent_stream()? })
            }
            Ok(_) => Err(credential::invalid()),
            Err(error) => Err(rpc::from_status(&rpc::to_status(&error))),
        },
        Credential::Ticket => Err(credential::invalid()),
    }
}

fn allowed(method: &Method, path: &str) -> Result<(), Problem> {
    let rest = path.strip_prefix("/git/").and_then(|rest| rest.split_once(".git/"));
    let (project, file) = rest.ok_or_else(Problem::no_route)?;
    project.parse::<ProjectId>().map_err(|_| Problem::no_route())?;
    let verb = match file {
        "info/refs" => Method::GET,
        "git-upload-pack" | "git-receive-pack" => Method::POST,
        _ => return Err(Problem::no_route()),
    };
    if *method == verb { Ok(()) } else { Err(Problem::method(verb.as_str())) }
}

fn outgoing(base: &Uri, request: Request, authorization: HeaderValue) -> Result<http::Request<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let mut target = base.clone().into_parts();
    target.path_and_query = parts.uri.path_and_query().cloned().or(Some(PathAndQuery::from_static("/")));
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.version_mut() = Version::HTTP_11;
    *outgoing.uri_mut() = Uri::from_parts(target).map_err(|_| Problem::no_route())?;
    let headers = outgoing.headers_mut();
    copy(&parts.headers, headers, &ASKED);
    headers.insert(AUTHORIZATION, authorization);
    if let Some(host) = base.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        headers.insert(HOST, host);
    }
    if let Some(value) = telemetry::traceparent().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(HeaderName::from_static("traceparent"), value);
    }
    Ok(outgoing)
}

/// The body, cut where its caller may go on no longer: Git then says that the exchange failed.
fn until(body: Body, mut ending: BoxFuture<'static, Ending>) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream! {
        let mut parts = body.into_data_stream();
        loop {
            tokio::select! {
                biased;
                ended = &mut ending => {
                    yield Err(axum::Error::new(Status::from(Failure::from(ended))));
                    break;
                }
                part = parts.next() => match part {
                    Some(part) => yield part,
                    None => break,
                },
            }
        }
    }
}

fn answer(parts: Parts, body: Body) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    copy(&parts.headers, answer.headers_mut(), &ANSWERED);
    answer
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[&'static str]) {
    for name in names.iter().copied().map(HeaderName::from_static) {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_smart_http_of_a_project_exists() {
        let project = ProjectId::generate();
        let status = |method: Method, path: String| allowed(&method, &path).map_err(|p| p.status().as_u16());
        assert_eq!(status(Method::GET, format!("/git/{project}.git/info/refs")), Ok(()));
        assert_eq!(status(Method::POST, format!("/git/{project}.git/git-receive-pack")), Ok(()));
        assert_eq!(status(Method::GET, format!("/git/{project}.git/git-receive-pack")), Err(405));
        for path in [
            format!("/git/{project}.git/objects/info/packs"),
            format!("/git/{project}.git/config"),
            format!("/git/{project}/info/refs"),
            "/git/../secrets/x.git/info/refs".to_owned(),
            format!("/git/{project}.git/../../x.git/info/refs"),
        ] {
            assert_eq!(status(Method::GET, path.clone()), Err(404), "{path}");
        }
    }
}
