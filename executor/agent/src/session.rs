//! What binds an agent to a member: the claim, its token, and every call made
//! with it.
//!
//! The nonce is on disk before the first claim, so that a crash in between
//! renews the claim instead of losing it (M2). A member that was closed or
//! claimed by another is given up: user code is not started for it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::CommitId;
use katonic_member::MemberDir;
use katonic_proto::{
    dispatcher::v1::{
        ClaimRequest, ClaimResponse, DesiredState, WatchOrdersRequest, member_service_client::MemberServiceClient,
    },
    logs::v1::ingest_service_client::IngestServiceClient,
};
use katonic_service::{
    Secret,
    rpc::{Failure, endpoint, from_status},
    telemetry,
};
use tokio::{sync::watch, time::timeout};
use tonic::{Request, Status, transport::Channel};
use tracing::{info, warn};

use crate::backoff::Backoff;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Tokens are good for 60 s: half of that leaves two tries.
const RENEW: Duration = Duration::from_secs(30);
/// Errors that a repetition does not change.
const FINAL: [&str; 5] = ["MEMBER_CLOSED", "CLAIMED_BY_ANOTHER", "TICKET_INVALID", "LOG_CLOSED", "LOG_BEHIND"];

/// Why a member is no longer ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was closed, or another agent has it.
    #[error("the member is not ours any more: {0}")]
    Over(Failure),
    /// Its directory cannot be used.
    #[error("the member's directory cannot be used")]
    Directory(#[from] katonic_member::Error),
    /// It has no ticket.
    #[error("the member has no launch ticket")]
    NoTicket,
    /// There are no random bytes.
    #[error("there are no random bytes")]
    Random,
    /// The gateway's address is none.
    #[error("the gateway cannot be addressed")]
    Address(#[from] katonic_service::rpc::ClientError),
    /// An answer that makes no sense.
    #[error("the claim was answered with a commit that is none")]
    Commit(#[from] katonic_domain::name::CommitIdError),
}

/// A claim that is held.
#[derive(Debug)]
pub struct Session {
    member_id: String,
    nonce: String,
    ticket: Secret<String>,
    channel: Channel,
    token: Mutex<Secret<String>>,
    desired: watch::Sender<DesiredState>,
    input_commit: Option<CommitId>,
}

impl Session {
    /// Claims a member, however long that takes.
    pub async fn claim(gateway: &str, member: &MemberDir, member_id: String) -> Result<Self, Error> {
        let nonce = nonce(member)?;
        let ticket = Secret::new(member.ticket()?.ok_or(Error::NoTicket)?);
        // Connected when it is first used, and again whenever it breaks.
        let channel = endpoint(gateway)?.connect_lazy();
        let (desired, _) = watch::channel(DesiredState::Run);
        let token = Mutex::new(Secret::new(String::new()));
        let mut session = Self { member_id, nonce, ticket, channel, token, desired, input_commit: None };
        let claimed = session.renew().await?;
        if !claimed.input_commit.is_empty() {
            session.input_commit = Some(claimed.input_commit.parse()?);
        }
        info!("claimed");
        Ok(session)
    }

    /// `<execution>/<attempt>/<role>/<index>`.
    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    /// The commit of the input files, if there is one.
    pub const fn input_commit(&self) -> Option<&CommitId> {
        self.input_commit.as_ref()
    }

    /// The bearer of the member's calls, at present.
    pub fn token(&self) -> Secret<String> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until its users want it to stop.
    pub async fn stop_wanted(&self) {
        let mut desired = self.desired.subscribe();
        // The sender lives as long as this session.
        let _ = desired.wait_for(|desired| *desired != DesiredState::Run).await;
    }

    /// Learns what its users want from an answer.
    pub fn learn(&self, desired: DesiredState) {
        if desired != DesiredState::Unspecified {
            self.desired.send_if_modified(|known| std::mem::replace(known, desired) != desired);
        }
    }

    /// Keeps the token good; returns when the member is no longer ours.
    pub async fn keep(&self) -> Error {
        loop {
            tokio::time::sleep(RENEW).await;
            if let Err(error) = self.renew().await {
                return error;
            }
        }
    }

    /// Hears what its users want, for ever.
    pub async fn hear_orders(&self) {
        let mut backoff = Backoff::new();
        loop {
            if self.hear().await.is_ok() {
                // It ended as streams do, such as with its token.
                backoff = Backoff::new();
            }
            backoff.wait().await;
        }
    }

    async fn hear(&self) -> Result<(), Status> {
        let request = self.request(WatchOrdersRequest { member_ids: vec![self.member_id.clone()] });
        let opened = timeout(DEADLINE, self.members().watch_orders(request)).await;
        let mut orders = opened.map_err(|_| Status::deadline_exceeded("no answer"))??.into_inner();
        while let Some(order) = orders.message().await? {
            self.learn(order.desired_state());
        }
        Ok(())
    }

    /// Makes a call until it is answered; [`FINAL`] errors are its answer too.
    pub async fn call<M: Clone, T>(
        &self,
        message: M,
        mut send: impl AsyncFnMut(&Self, Request<M>) -> Result<T, Status>,
    ) -> Result<T, Failure> {
        let mut backoff = Backoff::new();
        loop {
            let answer = timeout(DEADLINE, send(self, self.request(message.clone()))).await;
            let status = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("no answer"),
            };
            let failure = from_status(&status);
            if FINAL.contains(&failure.reason.as_str()) {
                return Err(failure);
            }
            warn!(reason = failure.reason, code = %status.code(), "a call is repeated");
            backoff.wait().await;
            if status.code() == tonic::Code::Unauthenticated {
                self.renew().await.map_err(into_failure)?;
            }
        }
    }

    /// Claims again: a new token, and what its users want.
    async fn renew(&self) -> Result<ClaimResponse, Error> {
        let mut backoff = Backoff::new();
        loop {
            let mut request =
                Request::new(ClaimRequest { member_id: self.member_id.clone(), nonce: self.nonce.clone() });
            authorize(&mut request, self.ticket.expose());
            let status = match timeout(DEADLINE, self.members().claim(request)).await {
                Ok(Ok(response)) => {
                    let claimed = response.into_inner();
                    self.learn(claimed.desired_state());
                    *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Secret::new(claimed.token.clone());
                    return Ok(claimed);
                }
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("no answer"),
            };
            let failure = from_status(&status);
            if FINAL.contains(&failure.reason.as_str()) {
                return Err(Error::Over(failure));
            }
            warn!(reason = failure.reason, code = %status.code(), "the claim is repeated");
            backoff.wait().await;
        }
    }

    /// A request with the member's token.
    pub fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        authorize(&mut request, self.token().expose());
        request
    }

    /// The dispatcher, behind the gateway.
    pub fn members(&self) -> MemberServiceClient<Channel> {
        MemberServiceClient::new(self.channel.clone())
    }

    /// The log-streamer, behind the gateway.
    pub fn logs(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone())
    }
}

fn authorize<M>(request: &mut Request<M>, bearer: &str) {
    // What is no header value is no token of ours: it is refused there, not here.
    if let Ok(mut value) = http::HeaderValue::try_from(format!("Bearer {bearer}")) {
        value.set_sensitive(true);
        if let Ok(value) = tonic::metadata::MetadataValue::try_from(value.as_bytes()) {
            request.metadata_mut().insert("authorization", value);
        }
    }
    if let Some(traceparent) = telemetry::traceparent().and_then(|text| text.parse().ok()) {
        request.metadata_mut().insert("traceparent", traceparent);
    }
}

fn into_failure(error: Error) -> Failure {
    match error {
        Error::Over(failure) => failure,
        other => Failure::new(katonic_domain::ErrorKind::Internal, "AGENT", other.to_string()),
    }
}

/// The nonce on disk, or a new one that is there before this returns.
fn nonce(member: &MemberDir) -> Result<String, Error> {
    if let Some(nonce) = member.nonce()? {
        return Ok(nonce);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    let nonce = hex::encode(bytes);
    member.set_nonce(&nonce)?;
    Ok(nonce)
}
