//! The floor's owner of all data: projects, executions and lines in one
//! process, where the product has three. One hop of each path ends here.

use std::sync::Arc;

use anyhow::Result;
use futures::{Stream, StreamExt, stream::BoxStream};
use katonic_service::runtime::spawn;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

use super::{
    Settings,
    launches::Launches,
    lines::Logs,
    pb::{
        self,
        floor_server::{Floor, FloorServer},
    },
    projects::Projects,
};

struct Owner {
    projects: Projects,
    launches: Launches,
    logs: Arc<Logs>,
}

/// Serves on a free port, which it answers.
pub async fn start(settings: Settings) -> Result<u16> {
    let database = mongodb::Client::with_uri_str(&settings.store).await?.database("floor");
    let owner = Owner {
        projects: Projects::open(&database, &settings.broker).await?,
        launches: Launches::open(&database, &settings),
        logs: Arc::new(Logs::connect(&settings.redis).await?),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    spawn("owner", async move {
        if let Err(error) = Server::builder().add_service(FloorServer::new(owner)).serve_with_incoming(incoming).await {
            eprintln!("the floor's owner: {error}");
        }
    });
    Ok(port)
}

fn failed(error: anyhow::Error) -> Status {
    Status::internal(format!("{error:#}"))
}

#[tonic::async_trait]
impl Floor for Owner {
    async fn create_project(&self, request: Request<pb::Project>) -> Result<Response<pb::Project>, Status> {
        self.projects.create(request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn get_project(&self, request: Request<pb::Id>) -> Result<Response<pb::Project>, Status> {
        let found = self.projects.get(&request.get_ref().id).await.map_err(failed)?;
        found.map(Response::new).ok_or_else(|| Status::not_found("project"))
    }

    async fn list_projects(&self, request: Request<pb::Window>) -> Result<Response<pb::Projects>, Status> {
        let projects = self.projects.newest(request.get_ref().page_size).await.map_err(failed)?;
        Ok(Response::new(pb::Projects { projects, next_page_token: String::new() }))
    }

    async fn submit(&self, request: Request<pb::Job>) -> Result<Response<pb::Execution>, Status> {
        self.launches.submit(request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn claim(&self, request: Request<pb::Id>) -> Result<Response<pb::Id>, Status> {
        let id = request.into_inner().id;
        let claimed = self.launches.claim(&id).await.map_err(failed)?;
        claimed.then(|| Response::new(pb::Id { id })).ok_or_else(|| Status::failed_precondition("claimed by another"))
    }

    type AppendStream = BoxStream<'static, Result<pb::Expected, Status>>;

    async fn append(&self, request: Request<Streaming<pb::Lines>>) -> Result<Response<Self::AppendStream>, Status> {
        let logs = Arc::clone(&self.logs);
        Ok(Response::new(answers(request.into_inner(), logs).boxed()))
    }

    type FollowStream = BoxStream<'static, Result<pb::Lines, Status>>;

    async fn follow(&self, request: Request<pb::Id>) -> Result<Response<Self::FollowStream>, Status> {
        let lines = Arc::clone(&self.logs).follow(request.into_inner().id);
        Ok(Response::new(lines.map(Ok).boxed()))
    }
}

fn answers(batches: Streaming<pb::Lines>, logs: Arc<Logs>) -> impl Stream<Item = Result<pb::Expected, Status>> {
    batches.then(move |batch| {
        let logs = Arc::clone(&logs);
        async move { logs.append(batch?).await.map(|seq| pb::Expected { seq }).map_err(failed) }
    })
}
