//! Owners of the contracts that answer what the tests look at.

use axum::{
    Router,
    body::Body,
    extract::{Request as HttpRequest, State},
    response::{IntoResponse, Response as HttpResponse},
    routing::any,
};
use futures::{Stream, StreamExt, future, stream, stream::BoxStream};
use http::{StatusCode, header::AUTHORIZATION};
use katonic_domain::ErrorKind;
use katonic_proto::{
    logs::v1::{
        AppendRequest, AppendResponse, CloseLogRequest, CloseLogResponse, CloseLostLogRequest, CloseLostLogResponse,
        FollowLogRequest, FollowLogResponse, ReadLogRequest, ReadLogResponse, ingest_service_server::IngestService,
        log_service_server::LogService,
    },
    metadata::v1::{
        ArchiveProjectRequest, ArchiveProjectResponse, AuthenticateRequest, AuthenticateResponse, CheckRequest,
        CheckResponse, CreateProjectRequest, CreateProjectResponse, GetProjectRequest, GetProjectResponse,
        ListProjectsRequest, ListProjectsResponse, ListVisibleProjectsRequest, ListVisibleProjectsResponse, Project,
        ResolveLaunchRequest, ResolveLaunchResponse, RestoreProjectRequest, RestoreProjectResponse,
        TransferProjectRequest, TransferProjectResponse, UpdateProjectRequest, UpdateProjectResponse,
        access_service_server::AccessService, project_service_server::ProjectService,
    },
};
use katonic_service::{
    auth::{self, Audience, Verifier},
    idempotency,
    rpc::Failure,
};
use tonic::{Request, Response, Status, Streaming};

use crate::world::{Standing, Tokens};

pub struct Access(pub Tokens);

#[tonic::async_trait]
impl AccessService for Access {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        auth::service(&request)?;
        let refused = |reason| Err(Failure::new(ErrorKind::Unauthenticated, reason, "refused").into());
        match self.0.get(&request.get_ref().secret) {
            Some(Standing::Good(user, token)) => Ok(Response::new(AuthenticateResponse {
                user_id: user.to_string(),
                token_id: token.to_string(),
                scopes: vec!["*".to_owned()],
                ..AuthenticateResponse::default()
            })),
            Some(Standing::Revoked) => refused("TOKEN_REVOKED"),
            Some(Standing::Expired) => refused("TOKEN_EXPIRED"),
            None => refused("TOKEN_INVALID"),
        }
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        auth::service(&request)?;
        Ok(Response::new(CheckResponse::default()))
    }

    async fn list_visible_projects(
        &self,
        _: Request<ListVisibleProjectsRequest>,
    ) -> Result<Response<ListVisibleProjectsResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }

    async fn resolve_launch(
        &self,
        request: Request<ResolveLaunchRequest>,
    ) -> Result<Response<ResolveLaunchResponse>, Status> {
        auth::service(&request)?;
        Ok(Response::new(ResolveLaunchResponse::default()))
    }
}

/// `taken` exists, `missing` does not; every answer names its caller as owner
/// and shows in the description what else came along.
pub struct Projects;

fn project<T>(request: &Request<T>, user: &auth::User, name: &str) -> Project {
    let came = |key: &str| request.metadata().get(key).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Project {
        project_id: "prj_1".to_owned(),
        name: name.to_owned(),
        owner_id: user.id.to_string(),
        description: format!("{}|{}|{}", came("x-user"), came("traceparent"), came("idempotency-key")),
        etag: "7".to_owned(),
        ..Project::default()
    }
}

#[tonic::async_trait]
impl ProjectService for Projects {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Result<Response<CreateProjectResponse>, Status> {
        let user = auth::user(&request, "project.create")?;
        let key = idempotency::read(&request)?;
        let name = request.get_ref().name.clone();
        match name.as_str() {
            "taken" => return Err(Failure::new(ErrorKind::AlreadyExists, "PROJECT_EXISTS", "it is taken").into()),
            "reused" => {
                return Err(Failure::new(ErrorKind::Invalid, "IDEMPOTENCY_KEY_REUSED", "another request").into());
            }
            _ => {}
        }
        let project = Some(project(&request, &user, &name));
        let mut response = Response::new(CreateProjectResponse { project });
        idempotency::mark_replayed(&mut response, key.is_some());
        Ok(response)
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<GetProjectResponse>, Status> {
        let user = auth::user(&request, "project.read")?;
        let id = request.get_ref().project_id.clone();
        match id.as_str() {
            "missing" => Err(Failure::new(ErrorKind::NotFound, "PROJECT_NOT_FOUND", "there is none").into()),
            "broken" => Err(Status::internal("mongodb://root:secret@10.0.0.1 is down")),
            _ => Ok(Response::new(GetProjectResponse { project: Some(project(&request, &user, &id)) })),
        }
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Result<Response<ListProjectsResponse>, Status> {
        let user = auth::user(&request, "project.list")?;
        let count = usize::try_from(request.get_ref().page_size).unwrap_or_default();
        let projects = (0..count).map(|_| project(&request, &user, "p")).collect();
        Ok(Response::new(ListProjectsResponse { projects, next_page_token: "next".to_owned() }))
    }

    async fn update_project(
        &self,
        _: Request<UpdateProjectRequest>,
    ) -> Result<Response<UpdateProjectResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }

    async fn archive_project(
        &self,
        _: Request<ArchiveProjectRequest>,
    ) -> Result<Response<ArchiveProjectResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }

    async fn restore_project(
        &self,
        _: Request<RestoreProjectRequest>,
    ) -> Result<Response<RestoreProjectResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }

    async fn transfer_project(
        &self,
        _: Request<TransferProjectRequest>,
    ) -> Result<Response<TransferProjectResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }
}

/// A log whose answers are numbered by their cursors, and which never ends by itself.
pub struct Logs;

#[tonic::async_trait]
impl LogService for Logs {
    async fn read_log(&self, request: Request<ReadLogRequest>) -> Result<Response<ReadLogResponse>, Status> {
        auth::user(&request, "log.read")?;
        Ok(Response::new(ReadLogResponse { next_from: request.get_ref().from, ..ReadLogResponse::default() }))
    }

    type FollowLogStream = BoxStream<'static, Result<FollowLogResponse, Status>>;

    async fn follow_log(&self, request: Request<FollowLogRequest>) -> Result<Response<Self::FollowLogStream>, Status> {
        auth::user(&request, "log.read")?;
        let follow = request.into_inner();
        let from = follow.cursor.parse::<u32>().unwrap_or_default();
        let answer = |n: u32| Ok(FollowLogResponse { cursor: n.to_string(), ..FollowLogResponse::default() });
        let there = stream::iter((from + 1..=from + 2).map(answer));
        match follow.execution_id.as_str() {
            "hidden" => Err(Failure::new(ErrorKind::NotFound, "EXECUTION_NOT_FOUND", "there is none").into()),
            "ends" => Ok(Response::new(there.boxed())),
            "breaks" => {
                let failure = Failure::new(ErrorKind::Unavailable, "STORE_UNAVAILABLE", "the log cannot be read now");
                Ok(Response::new(there.chain(stream::iter([Err(failure.into())])).boxed()))
            }
            _ => Ok(Response::new(there.chain(stream::pending()).boxed())),
        }
    }
}

/// Acknowledges what comes, one answer a message.
pub struct Ingest;

#[tonic::async_trait]
impl IngestService for Ingest {
    type AppendStream = BoxStream<'static, Result<AppendResponse, Status>>;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Result<Response<Self::AppendStream>, Status> {
        auth::any_agent(&request)?;
        let answers = acknowledge(request.into_inner());
        Ok(Response::new(answers.boxed()))
    }

    async fn close_log(&self, request: Request<CloseLogRequest>) -> Result<Response<CloseLogResponse>, Status> {
        auth::agent(&request, &request.get_ref().member_id)?;
        Ok(Response::new(CloseLogResponse {}))
    }

    async fn close_lost_log(
        &self,
        request: Request<CloseLostLogRequest>,
    ) -> Result<Response<CloseLostLogResponse>, Status> {
        auth::service(&request)?;
        Ok(Response::new(CloseLostLogResponse::default()))
    }
}

fn acknowledge(messages: Streaming<AppendRequest>) -> impl Stream<Item = Result<AppendResponse, Status>> + Send {
    messages.map(|message| {
        message.map(|message| AppendResponse { expected_seq: message.acked_seq + 1, durable_seq: message.acked_seq })
    })
}

/// Says who came, and sends the body back as it comes.
#[derive(Clone)]
pub struct Git(pub Verifier);

impl Git {
    pub fn router(self) -> Router {
        Router::new().route("/git/{*rest}", any(echo)).with_state(self)
    }
}

async fn echo(State(Git(verifier)): State<Git>, request: HttpRequest) -> HttpResponse {
    let bearer = request.headers().get(AUTHORIZATION).and_then(auth::bearer).unwrap_or_default();
    let Ok(caller) = verifier.verify(bearer, &[Audience::Git]) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let seen = format!("{} {}\n", caller.subject(), request.uri());
    let names: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
    let first = stream::once(future::ready(Ok(format!("{seen}{}\n", names.join(",")).into())));
    Body::from_stream(first.chain(request.into_body().into_data_stream())).into_response()
}
