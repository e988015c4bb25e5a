//! What agents call, over the wire: one stream, acknowledgements, closing, and who is refused.

use std::fs;

use anyhow::Context as _;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use futures::stream;
use katonic_domain::{ExecutionId, MemberId, ProjectId};
use katonic_log_streamer::{App, domain::Seq};
use katonic_proto::logs::v1::{
    AppendRequest, CloseLogRequest, CloseLostLogRequest, Record, Stream, ingest_service_client::IngestServiceClient,
};
use katonic_service::{
    Shutdown,
    auth::{AgentGrant, Audience, Minter},
    config::KeysSection,
    rpc, runtime,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::{Code, Request, transport::Channel};

use crate::harness::{Harness, member, must_be_lines};

/// A served log-streamer and the key that signs its callers' tokens.
struct Served {
    client: IngestServiceClient<Channel>,
    minter: Minter,
    shutdown: Shutdown,
    running: JoinHandle<anyhow::Result<()>>,
    _keys: TempDir,
}

impl Served {
    async fn start(harness: &Harness) -> anyhow::Result<Self> {
        let (folder, keys) = keys()?;
        let shutdown = Shutdown::new();
        let app = App::build(&harness.config(keys.clone())?, &shutdown).await?;
        let endpoint = rpc::endpoint(&format!("http://{}", app.address()?))?;
        let running = runtime::spawn("app", app.run(shutdown.clone()));
        let minter = Minter::load(&keys, &"dispatcher".parse()?)?;
        Ok(Self { client: IngestServiceClient::new(endpoint.connect_lazy()), minter, shutdown, running, _keys: folder })
    }

    fn as_agent<T>(&self, member: &MemberId, project: ProjectId, message: T) -> anyhow::Result<Request<T>> {
        let grant = AgentGrant { member: member.clone(), project };
        with_token(message, self.minter.for_agent(&grant)?.token.expose())
    }

    fn as_service<T>(&self, message: T) -> anyhow::Result<Request<T>> {
        with_token(message, self.minter.for_service(Audience::Logs)?.token.expose())
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.running.await?
    }
}

fn with_token<T>(message: T, token: &str) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}

fn keys() -> anyhow::Result<(TempDir, KeysSection)> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().to_owned();
    let signing_key = dir.join("one.key.pem");
    let key = SigningKey::from_bytes(&[7; 32]);
    let private = tempfile::NamedTempFile::new_in(&dir)?;
    fs::write(private.path(), key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    private.persist(&signing_key)?;
    fs::write(dir.join("one.pub.pem"), key.verifying_key().to_public_key_pem(LineEnding::LF)?)?;
    Ok((folder, KeysSection { dir, signing_key }))
}

/// The same lines as the harness makes, as an agent sends them.
fn sent(first: u64, last: u64) -> AppendRequest {
    let record = |seq: u64| {
        let stream = if seq.is_multiple_of(7) { Stream::Stderr } else { Stream::Stdout };
        let raw = || [b"\xff", seq.to_string().as_bytes()].concat();
        let data = if seq.is_multiple_of(10) { raw() } else { format!("line {seq}").into_bytes() };
        Record { seq, stream: stream.into(), time: Some(prost_types::Timestamp::default()), data, ..Record::default() }
    };
    AppendRequest { records: (first..=last).map(record).collect(), ..AppendRequest::default() }
}

#[tokio::test]
async fn an_agent_ships_its_log_and_closes_it() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let served = Served::start(&harness).await?;
    let member = harness.member.clone();
    let opening = AppendRequest { member_id: member.to_string(), ..AppendRequest::default() };
    let messages = vec![opening, sent(1, 10), sent(11, 20), sent(15, 25), sent(21, 30)];
    let request = served.as_agent(&member, harness.project, stream::iter(messages))?;
    let mut answers = served.client.clone().append(request).await?.into_inner();
    let mut expected = Vec::new();
    while let Some(answer) = answers.message().await? {
        expected.push(answer.expected_seq);
    }
    assert_eq!(expected, [1, 11, 21, 21, 31]);
    let close = |last_seq| CloseLogRequest { member_id: member.to_string(), last_seq };
    let close = |last_seq| served.as_agent(&member, harness.project, close(last_seq));
    let behind = served.client.clone().close_log(close(31)?).await.expect_err("a record is missing");
    assert_eq!(rpc::from_status(&behind).reason, "LOG_BEHIND");
    served.client.clone().close_log(close(30)?).await?;
    served.client.clone().close_log(close(30)?).await?;
    let closed = served.client.clone().close_log(close(31)?).await.expect_err("it is closed");
    assert_eq!(rpc::from_status(&closed).reason, "LOG_CLOSED");
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, 30)?;
    served.stop().await
}

#[tokio::test]
async fn records_are_acknowledged_once_they_are_durable() -> anyhow::Result<()> {
    let mut harness = Harness::start().await?;
    // Without Redis a segment is cut after 2 s.
    harness.redis.kill();
    let served = Served::start(&harness).await?;
    let opening = AppendRequest { member_id: harness.member.to_string(), ..AppendRequest::default() };
    let messages = futures::StreamExt::chain(stream::iter(vec![opening, sent(1, 10)]), stream::pending());
    let request = served.as_agent(&harness.member, harness.project, messages)?;
    let mut answers = served.client.clone().append(request).await?.into_inner();
    let mut durable = Vec::new();
    while durable.last() != Some(&10) {
        durable.push(answers.message().await?.context("an answer")?.durable_seq);
    }
    assert_eq!(durable, [0, 0, 10]);
    must_be_lines(&harness.read_all(&harness.replica().await?).await?.0, 10)?;
    drop(answers);
    served.stop().await
}

#[tokio::test]
async fn an_agent_speaks_for_its_own_member_and_only_services_declare_logs_lost() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let served = Served::start(&harness).await?;
    let (own, other) = (harness.member.clone(), member(ExecutionId::generate(), 1)?);
    let mut client = served.client.clone();
    let close = CloseLogRequest { member_id: other.to_string(), last_seq: 0 };
    let refused = client.close_log(served.as_agent(&own, harness.project, close.clone())?).await;
    assert_eq!(refused.expect_err("another's log").code(), Code::PermissionDenied);
    let refused = client.close_log(Request::new(close)).await;
    assert_eq!(refused.expect_err("nobody").code(), Code::Unauthenticated);

    let opening = AppendRequest { member_id: other.to_string(), ..AppendRequest::default() };
    let request = served.as_agent(&own, harness.project, stream::iter(vec![opening]))?;
    let refused = client.append(request).await?.into_inner().message().await;
    assert_eq!(refused.expect_err("another's log").code(), Code::PermissionDenied);

    let lost = CloseLostLogRequest { member_id: own.to_string() };
    let refused = client.close_lost_log(served.as_agent(&own, harness.project, lost.clone())?).await;
    assert_eq!(refused.expect_err("an agent").code(), Code::PermissionDenied);
    let replica = harness.replica().await?;
    replica.logs.ingest.append(&*harness.open(&replica).await?, crate::harness::lines(1, 3), Seq::ZERO).await?;
    let closed = client.close_lost_log(served.as_service(lost)?).await?.into_inner();
    assert_eq!(closed.last_seq, 4);
    served.stop().await
}
