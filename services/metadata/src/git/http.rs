//! The three paths of smart HTTP. Caps and form are checked before who calls,
//! who calls before anything is touched.

use axum::{
    Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use futures::FutureExt;
use http::{HeaderMap, Method, header::CONTENT_LENGTH};
use katonic_domain::ProjectId;
use katonic_service::runtime::chain;
use tracing::{Instrument, info_span};

use super::{
    Begun, Error, Git,
    access::{self, Want},
    backend::{Call, Service},
    exchange::Exchange,
    files::PushId,
    policy::Push,
    pushes,
};

pub(super) fn router(git: Git) -> Router {
    Router::new().route("/git/{repository}/{*file}", any(serve)).with_state(git)
}

async fn serve(State(git): State<Git>, Path((repository, file)): Path<(String, String)>, request: Request) -> Response {
    let span = info_span!("git", project.repository = repository, file);
    handle(git, &repository, &file, request).instrument(span).await.unwrap_or_else(IntoResponse::into_response)
}

async fn handle(git: Git, repository: &str, file: &str, request: Request) -> Result<Response, Error> {
    let (project, service, advertise) = parse(repository, file, &request)?;
    cap(request.headers(), git.0.section.max_pack_bytes)?;
    let want = if service == Service::ReceivePack { Want::Write } else { Want::Read };
    let ports = &git.0.ports;
    let granted = access::grant(&ports.verifier, ports.permissions.as_ref(), request.headers(), &project, want).await?;
    git.0.repositories.ensure(&project).await?;
    let (parts, body) = request.into_parts();
    let call = Call { project, service, advertise, granted, headers: parts.headers };
    start(git, call, body).await
}

/// The path and the query must be exactly what a Git client sends.
fn parse(repository: &str, file: &str, request: &Request) -> Result<(ProjectId, Service, bool), Error> {
    let project = repository.strip_suffix(".git").and_then(|id| id.parse().ok()).ok_or(Error::NotFound)?;
    let advertise = file == "info/refs";
    let name = if advertise {
        // Without it a client wants the dumb protocol.
        request.uri().query().and_then(|query| query.strip_prefix("service=")).ok_or(Error::NotFound)?
    } else {
        file
    };
    let service = Service::named(name).ok_or(Error::NotFound)?;
    let method = if advertise { Method::GET } else { Method::POST };
    if *request.method() == method { Ok((project, service, advertise)) } else { Err(Error::Method) }
}

fn cap(headers: &HeaderMap, max: u64) -> Result<(), Error> {
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(()) };
    let length: u64 = length.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Error::Header("Content-Length"))?;
    if length > max { Err(Error::TooLarge(max)) } else { Ok(()) }
}

async fn start(git: Git, call: Call, body: axum::body::Body) -> Result<Response, Error> {
    let slot = git.0.slots.clone().try_acquire_owned().map_err(|_full| Error::Busy)?;
    let pushing = call.service == Service::ReceivePack && !call.advertise;
    // An agent's results never touch the project.
    let push = if pushing && call.granted.push == Push::User { Some(begin(&git, call.project).await?) } else { None };
    let started = git.0.backend.start(&call);
    let revoked = access::revoked(&git.0.ports.permissions, &call.granted, call.project);
    let (project, settling) = (call.project, git.clone());
    let afterwards = async move {
        if let Some(push) = push {
            settle(&settling, project, push).await;
        }
        drop(slot);
    };
    match started {
        Ok(child) => {
            let exchange = Exchange {
                child,
                body,
                max_body: git.0.section.max_pack_bytes,
                time_limit: git.0.section.time_limit(),
                outlives_client: pushing,
                revoked,
                afterwards: afterwards.boxed(),
            };
            exchange.run().await
        }
        Err(error) => {
            afterwards.await;
            Err(error)
        }
    }
}

async fn begin(git: &Git, project: ProjectId) -> Result<PushId, Error> {
    let push = PushId::generate();
    let ports = &git.0.ports;
    match ports.pushes.begin(project, push, ports.clock.now()).await.map_err(Error::Store)? {
        Begun::Noted => Ok(push),
        Begun::Archived => Err(Error::Archived),
    }
}

async fn settle(git: &Git, project: ProjectId, push: PushId) {
    let ports = &git.0.ports;
    if let Err(error) = pushes::settle(ports.pushes.as_ref(), &git.0.repositories, project, &[push]).await {
        // The refs have moved; the sweeper brings the project up to them.
        tracing::warn!(project.id = %project, error = %chain(&error), "a push is left to the sweeper");
    }
}
