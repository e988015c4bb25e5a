//! The server and the client together, over loopback.

use std::{error::Error, fs, net::SocketAddr, os::unix::fs::PermissionsExt, time::Duration};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use katonic_domain::{ErrorKind, TokenId, UserId};
use katonic_proto::metadata::v1::{
    AuthenticateRequest, AuthenticateResponse, CheckRequest, CheckResponse, ListVisibleProjectsRequest,
    ListVisibleProjectsResponse, ResolveLaunchRequest, ResolveLaunchResponse,
    access_service_client::AccessServiceClient,
    access_service_server::{AccessService, AccessServiceServer},
};
use katonic_service::{
    Shutdown,
    auth::{self, Audience, Minter, UserGrant, Verifier},
    config::KeysSection,
    rpc::{self, Failure, Server, from_status},
    runtime::spawn,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

type Outcome = Result<(), Box<dyn Error>>;

/// Answers whom it sees.
struct Echo;

#[tonic::async_trait]
impl AccessService for Echo {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let caller = auth::service(&request)?;
        let traced = request.metadata().contains_key("traceparent");
        Ok(Response::new(AuthenticateResponse {
            user_id: caller.to_string(),
            admin: traced,
            ..AuthenticateResponse::default()
        }))
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        auth::service(&request)?;
        Err(Failure::new(ErrorKind::QuotaExceeded, "QUOTA_TESTS", "enough").into())
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
        auth::user(&request, "project.create")?;
        Ok(Response::new(ResolveLaunchResponse::default()))
    }
}

struct Fixture {
    address: SocketAddr,
    keys: KeysSection,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), rpc::ServerError>>,
    _dir: TempDir,
}

impl Fixture {
    async fn start(ready: bool) -> Result<Self, Box<dyn Error>> {
        let dir = TempDir::new()?;
        let keys = write_keys(&dir)?;
        let server = Server::bind("test", "127.0.0.1:0".parse()?)
            .await?
            .add_service(AccessServiceServer::new(Echo))
            .ready_when("store", move || async move { ready });
        let (address, shutdown) = (server.address()?, Shutdown::new());
        let layer = auth::Layer::new(Verifier::load(&keys.dir)?, Audience::Metadata);
        let task = spawn("server", server.serve(layer, shutdown.clone()));
        Ok(Self { address, keys, shutdown, task, _dir: dir })
    }

    fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    fn minter(&self, name: &str) -> Result<Minter, Box<dyn Error>> {
        Ok(Minter::load(&self.keys, &name.parse()?)?)
    }

    async fn stop(self) -> Outcome {
        self.shutdown.cancel();
        self.task.await??;
        Ok(())
    }

    /// The status line and body of a plain HTTP/1 request.
    async fn get(&self, path: &str) -> Result<String, Box<dyn Error>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

fn write_keys(dir: &TempDir) -> Result<KeysSection, Box<dyn Error>> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signing_key = dir.path().join("main.key.pem");
    fs::write(&signing_key, key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    fs::set_permissions(&signing_key, fs::Permissions::from_mode(0o600))?;
    fs::write(dir.path().join("main.pub.pem"), key.verifying_key().to_public_key_pem(LineEnding::LF)?)?;
    Ok(KeysSection { dir: dir.path().to_owned(), signing_key })
}

#[tokio::test]
async fn a_service_is_known_and_errors_keep_kind_and_reason() -> Outcome {
    let fixture = Fixture::start(true).await?;
    let channel = rpc::channel(&fixture.uri(), &fixture.minter("dispatcher")?, Audience::Metadata)?;
    let mut client = AccessServiceClient::new(channel);
    let answer = client.authenticate(AuthenticateRequest::default()).await?.into_inner();
    assert_eq!(answer.user_id, "dispatcher");
    let status = client.check(CheckRequest::default()).await.map(|_| ()).expect_err("refused");
    let failure = from_status(&status);
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::QuotaExceeded, "QUOTA_TESTS"));
    fixture.stop().await
}

#[tokio::test]
async fn who_is_not_known_or_of_another_kind_is_refused() -> Outcome {
    let fixture = Fixture::start(true).await?;
    let anonymous = rpc::endpoint(&fixture.uri())?.connect_lazy();
    let mut client = AccessServiceClient::new(anonymous);
    let code = |answer: Result<Response<AuthenticateResponse>, Status>| answer.map(|_| ()).map_err(|s| s.code());
    assert_eq!(code(client.authenticate(AuthenticateRequest::default()).await), Err(Code::Unauthenticated));

    for (token, expected) in [
        ("nothing".to_owned(), Code::Unauthenticated),
        ("kmt_ticket".to_owned(), Code::Unauthenticated),
        (user_token(&fixture)?, Code::PermissionDenied),
    ] {
        let mut request = Request::new(AuthenticateRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
        assert_eq!(code(client.authenticate(request).await), Err(expected));
    }

    let elsewhere = rpc::channel(&fixture.uri(), &fixture.minter("dispatcher")?, Audience::Logs)?;
    let mut client = AccessServiceClient::new(elsewhere);
    assert_eq!(code(client.authenticate(AuthenticateRequest::default()).await), Err(Code::Unauthenticated));
    fixture.stop().await
}

fn user_token(fixture: &Fixture) -> Result<String, Box<dyn Error>> {
    let grant = UserGrant {
        user: UserId::generate(),
        token: TokenId::generate(),
        admin: true,
        scopes: ["*".parse()?].into(),
        expires: None,
    };
    let minted = fixture.minter("api-gateway")?.for_user(&grant, Audience::Metadata)?;
    Ok(minted.token.expose().clone())
}

#[tokio::test]
async fn a_handler_that_is_not_for_users_cannot_be_written_as_if() -> Outcome {
    let fixture = Fixture::start(true).await?;
    let channel = rpc::channel(&fixture.uri(), &fixture.minter("dispatcher")?, Audience::Metadata)?;
    let answer = AccessServiceClient::new(channel).resolve_launch(ResolveLaunchRequest::default()).await;
    assert_eq!(answer.map(|_| ()).map_err(|status| status.code()), Err(Code::PermissionDenied));
    fixture.stop().await
}

#[tokio::test]
async fn health_tells_the_truth() -> Outcome {
    let fixture = Fixture::start(false).await?;
    assert!(fixture.get("/healthz").await?.starts_with("HTTP/1.1 200"));
    let readiness = fixture.get("/readyz").await?;
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains(r#""store":false"#), "{readiness}");
    let mut health = HealthClient::new(rpc::endpoint(&fixture.uri())?.connect_lazy());
    let answer = health.check(HealthCheckRequest::default()).await?.into_inner();
    assert_eq!(answer.status().as_str_name(), "NOT_SERVING");
    drop(health);
    fixture.stop().await
}

#[tokio::test]
async fn a_drain_ends_open_streams_at_once() -> Outcome {
    let fixture = Fixture::start(true).await?;
    let mut health = HealthClient::new(rpc::endpoint(&fixture.uri())?.connect_lazy());
    let mut answers = health.watch(HealthCheckRequest::default()).await?.into_inner();
    assert!(answers.message().await?.is_some());
    fixture.shutdown.cancel();
    let end = loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Err("the stream ended without a status".into()),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::Unavailable);
    drop(health);
    tokio::time::timeout(Duration::from_mins(1), fixture.stop()).await?
}
