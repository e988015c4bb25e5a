//! The floor's public door: the product's REST paths, typed by hand, and the
//! two calls of the agent passed on. One hop of each path.

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::sse::{Event, Sse},
    routing::{get, post},
    serve::ListenerExt,
};
use futures::{Stream, StreamExt, stream::BoxStream};
use katonic_service::runtime::spawn;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, Streaming, service::Routes, transport::Channel};

use super::{
    Settings,
    pb::{
        self,
        floor_client::FloorClient,
        floor_server::{Floor, FloorServer},
    },
};

type Client = FloorClient<Channel>;
type Answer<T> = Result<Json<T>, StatusCode>;

/// Serves on a free port, which it answers.
pub async fn start(settings: Settings) -> Result<u16> {
    let client = FloorClient::new(Channel::from_shared(settings.owner)?.connect_lazy());
    let rest = Router::new()
        .route("/api/v1/projects", post(create).get(list))
        .route("/api/v1/projects/{id}", get(read))
        .route("/api/v1/projects/{id}/jobs", post(submit))
        .route("/api/v1/executions/{id}/logs:follow", get(follow))
        .with_state(client.clone());
    let app = Routes::new(FloorServer::new(Door(client))).into_axum_router().merge(rest);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let listener = listener.tap_io(|stream| {
        // Only slower without it.
        let _ = stream.set_nodelay(true);
    });
    spawn("gateway", async move {
        if let Err(error) = axum::serve(listener, app).await {
            eprintln!("the floor's gateway: {error}");
        }
    });
    Ok(port)
}

fn json<T>(answer: Result<Response<T>, Status>) -> Answer<T> {
    answer.map(|answer| Json(answer.into_inner())).map_err(|status| {
        eprintln!("the floor's gateway: {status}");
        StatusCode::BAD_GATEWAY
    })
}

async fn create(State(mut client): State<Client>, Json(project): Json<pb::Project>) -> Answer<pb::Project> {
    json(client.create_project(project).await)
}

async fn read(State(mut client): State<Client>, Path(id): Path<String>) -> Answer<pb::Project> {
    json(client.get_project(pb::Id { id }).await)
}

async fn list(State(mut client): State<Client>, Query(window): Query<pb::Window>) -> Answer<pb::Projects> {
    json(client.list_projects(window).await)
}

async fn submit(State(mut client): State<Client>, Json(job): Json<pb::Job>) -> Answer<pb::Execution> {
    json(client.submit(job).await)
}

async fn follow(
    State(mut client): State<Client>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, StatusCode> {
    let lines = client.follow(pb::Id { id }).await.map_err(|_| StatusCode::BAD_GATEWAY)?.into_inner();
    let event = |lines: Result<pb::Lines, Status>| Event::default().json_data(lines.map_err(axum::Error::new)?);
    Ok(Sse::new(lines.map(event)))
}

/// What the agent may call.
struct Door(Client);

#[tonic::async_trait]
impl Floor for Door {
    async fn create_project(&self, _: Request<pb::Project>) -> Result<Response<pb::Project>, Status> {
        Err(Status::unimplemented("by REST"))
    }

    async fn get_project(&self, _: Request<pb::Id>) -> Result<Response<pb::Project>, Status> {
        Err(Status::unimplemented("by REST"))
    }

    async fn list_projects(&self, _: Request<pb::Window>) -> Result<Response<pb::Projects>, Status> {
        Err(Status::unimplemented("by REST"))
    }

    async fn submit(&self, _: Request<pb::Job>) -> Result<Response<pb::Execution>, Status> {
        Err(Status::unimplemented("by REST"))
    }

    async fn claim(&self, request: Request<pb::Id>) -> Result<Response<pb::Id>, Status> {
        self.0.clone().claim(request.into_inner()).await
    }

    type AppendStream = BoxStream<'static, Result<pb::Expected, Status>>;

    async fn append(&self, request: Request<Streaming<pb::Lines>>) -> Result<Response<Self::AppendStream>, Status> {
        // A message that does not arrive ends the stream.
        let batches = request.into_inner().filter_map(|batch| std::future::ready(batch.ok()));
        let answers = self.0.clone().append(batches).await?.into_inner();
        Ok(Response::new(answers.boxed()))
    }

    type FollowStream = BoxStream<'static, Result<pb::Lines, Status>>;

    async fn follow(&self, _: Request<pb::Id>) -> Result<Response<Self::FollowStream>, Status> {
        Err(Status::unimplemented("by REST"))
    }
}
