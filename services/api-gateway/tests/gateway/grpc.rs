//! gRPC pass-through.

use futures::{StreamExt, stream};
use katonic_api_gateway::config::LimitsSection;
use katonic_domain::{ExecutionId, ProjectId};
use katonic_proto::{
    logs::v1::{
        AppendRequest, CloseLogRequest, CloseLostLogRequest, FollowLogRequest,
        ingest_service_client::IngestServiceClient, log_service_client::LogServiceClient,
    },
    metadata::v1::{
        AuthenticateRequest, CreateProjectRequest, GetProjectRequest, access_service_client::AccessServiceClient,
        project_service_client::ProjectServiceClient,
    },
    rules::{self, Rule},
};
use katonic_service::{
    auth::{AgentGrant, Audience},
    rpc::{endpoint, from_status},
};
use tonic::{Code, Request, Status, client::Grpc, metadata::MetadataValue, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_prost::ProstCodec;

use crate::{
    Outcome,
    world::{Standing, World, well_formed},
};

fn channel(world: &World) -> Result<Channel, Box<dyn std::error::Error>> {
    Ok(endpoint(&world.uri(""))?.connect_lazy())
}

fn with<T>(message: T, token: &str) -> Result<Request<T>, Box<dyn std::error::Error>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn calls_pass_with_their_errors_and_without_their_headers() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let mut client = ProjectServiceClient::new(channel(&world)?);
    let mut request = with(CreateProjectRequest { name: "churn".to_owned(), ..Default::default() }, &token)?;
    request.metadata_mut().insert("x-user", "usr_admin".parse()?);
    request.metadata_mut().insert("idempotency-key", "k-1".parse()?);
    let answer = client.create_project(request).await?;
    assert_eq!(answer.metadata().get("idempotency-replayed").map(MetadataValue::as_bytes), Some(&b"true"[..]));
    let project = answer.into_inner().project.ok_or("a project")?;
    assert!(project.description.starts_with('|') && project.description.ends_with("|k-1"), "{}", project.description);

    let missing = with(GetProjectRequest { project_id: "missing".to_owned() }, &token)?;
    let status = client.get_project(missing).await.map(|_| ()).expect_err("there is none");
    assert_eq!(from_status(&status).reason, "PROJECT_NOT_FOUND");
    world.finish().await
}

/// SECURITY-CASES 12, 13, 24: generated, so that a new RPC is in it.
#[tokio::test]
async fn no_rpc_lets_in_who_is_not_known() -> Outcome {
    let world = World::start().await?;
    let (revoked, internal) = (well_formed(), world.minter("dispatcher")?.for_service(Audience::Metadata)?);
    world.tokens.set(&revoked, Standing::Revoked);
    let forged = "eyJhbGciOiJub25lIiwidHlwIjoia2F0b25pYytqd3QiLCJraWQiOiJtYWluIn0.e30.".to_owned();
    let tokens = [String::new(), "nothing".to_owned(), well_formed(), revoked, internal.token.expose().clone(), forged];
    for method in rules::methods().filter(|method| rules::of_method(method) != Some(Rule::Public)) {
        for token in &tokens {
            let mut grpc = Grpc::new(channel(&world)?);
            grpc.ready().await?;
            let mut request = Request::new(AuthenticateRequest::default());
            if !token.is_empty() {
                request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
            }
            let path = rules::path(&method).parse()?;
            // Which message does not matter: nothing reads it before the caller is known.
            let codec = ProstCodec::<AuthenticateRequest, AuthenticateRequest>::default();
            assert_eq!(
                code(grpc.unary(request, path, codec).await),
                Code::Unauthenticated,
                "{} {token:?}",
                method.full_name()
            );
        }
    }
    world.finish().await
}

#[tokio::test]
async fn calls_between_services_do_not_exist_here() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let ask = with(AuthenticateRequest { secret: token.clone() }, &token)?;
    assert_eq!(code(AccessServiceClient::new(channel(&world)?).authenticate(ask).await), Code::Unimplemented);
    let close = with(CloseLostLogRequest::default(), &token)?;
    assert_eq!(code(IngestServiceClient::new(channel(&world)?).close_lost_log(close).await), Code::Unimplemented);
    world.finish().await
}

#[tokio::test]
async fn an_agent_passes_with_its_own_token() -> Outcome {
    let world = World::start().await?;
    let member = format!("{}/1/main/0", ExecutionId::generate());
    let grant = AgentGrant { member: member.parse()?, project: ProjectId::generate() };
    let agent = world.minter("dispatcher")?.for_agent(&grant)?.token.expose().clone();
    let mut client = IngestServiceClient::new(channel(&world)?);

    let messages = stream::iter((1..=3).map(|acked_seq| AppendRequest { acked_seq, ..AppendRequest::default() }));
    let answers = client.append(with(messages, &agent)?).await?.into_inner();
    let acked: Vec<_> = answers.map(|answer| answer.map(|a| a.durable_seq).unwrap_or_default()).collect().await;
    assert_eq!(acked, [1, 2, 3]);

    let close = |member_id: &str| CloseLogRequest { member_id: member_id.to_owned(), last_seq: 0 };
    assert_eq!(code(client.close_log(with(close(&member), &agent)?).await), Code::Ok);
    assert_eq!(code(client.close_log(with(close("exe_x/1/main/0"), &agent)?).await), Code::PermissionDenied);
    // A ticket reaches its owner, who knows that this call does not take one.
    assert_eq!(code(client.close_log(with(close(&member), "kmt_x")?).await), Code::PermissionDenied);
    // Users' calls are not for agents, agents' calls not for users.
    let mut projects = ProjectServiceClient::new(channel(&world)?);
    assert_eq!(code(projects.get_project(with(GetProjectRequest::default(), &agent)?).await), Code::Unauthenticated);
    assert_eq!(code(client.close_log(with(close(&member), &world.token())?).await), Code::PermissionDenied);
    world.finish().await
}

#[tokio::test]
async fn a_revoked_token_ends_an_open_stream() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let mut client = LogServiceClient::new(channel(&world)?);
    let request = FollowLogRequest { execution_id: "runs".to_owned(), ..FollowLogRequest::default() };
    let mut answers = client.follow_log(with(request, &token)?).await?.into_inner();
    assert!(answers.message().await?.is_some() && answers.message().await?.is_some());
    world.tokens.set(&token, Standing::Revoked);
    let end = answers.message().await.map(|_| ()).expect_err("the stream must end");
    assert_eq!(from_status(&end).reason, "TOKEN_REVOKED");
    drop((answers, client));
    world.finish().await
}

#[tokio::test]
async fn who_watches_without_a_token_takes_no_stream_from_users() -> Outcome {
    let world = World::start_with(LimitsSection { streams_per_user: 1, ..LimitsSection::default() }).await?;
    let mut health = HealthClient::new(channel(&world)?);
    let watched = health.watch(HealthCheckRequest::default()).await?;
    let refused = health.watch(HealthCheckRequest::default()).await;
    assert_eq!(code(refused), Code::ResourceExhausted);
    let request = FollowLogRequest { execution_id: "runs".to_owned(), ..FollowLogRequest::default() };
    let mut logs = LogServiceClient::new(channel(&world)?);
    let mut answers = logs.follow_log(with(request, &world.token())?).await?.into_inner();
    assert!(answers.message().await?.is_some());
    drop((watched, answers, health, logs));
    world.finish().await
}
