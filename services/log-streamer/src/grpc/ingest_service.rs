//! `IngestService`: agents ship their member's records and close its log.

use std::pin::Pin;

use async_stream::try_stream;
use futures::Stream;
use katonic_proto::logs::v1::{
    AppendRequest, AppendResponse, CloseLogRequest, CloseLogResponse, CloseLostLogRequest, CloseLostLogResponse,
    ingest_service_server::IngestService,
};
use katonic_service::{
    auth::{self, Agent},
    rpc::to_status,
};
use tonic::{Request, Response, Status, Streaming};

use super::convert;
use crate::{
    clients::executions::Executions,
    domain::{Seq, manifest::ManifestError},
    error::Error,
    usecases::{ingest::Ingest, keep::Keeper, live::Attachment, lost::Lost},
};

/// The RPCs of agents.
#[derive(Clone)]
pub struct IngestRpc {
    /// Takes records.
    pub ingest: Ingest,
    /// Makes them durable.
    pub keeper: Keeper,
    /// Closes lost logs.
    pub lost: Lost,
    /// Knows the project of a member that never opened its log.
    pub executions: Executions,
}

impl IngestRpc {
    fn shipped(
        self,
        agent: Agent,
        mut messages: Streaming<AppendRequest>,
    ) -> impl Stream<Item = Result<AppendResponse, Status>> {
        try_stream! {
            let first = messages.message().await?;
            let first = first.ok_or_else(|| to_status(&Error::invalid("member_id", "the first message names the member")))?;
            agent.must_be(&first.member_id)?;
            let log = self.ingest.open(&agent.member, agent.project).await.map_err(|e| to_status(&e))?;
            let attached = Attachment::to(log);
            let mut tip = attached.log().tip();
            let opened = *tip.borrow_and_update();
            let mut answered = opened.durable;
            yield answer(opened.next, opened.durable);
            loop {
                let message = tokio::select! {
                    message = messages.message() => Some(message),
                    // The log that is attached holds the sender.
                    Ok(()) = tip.changed() => None,
                };
                let sent = message.is_some();
                let next = match message {
                    None => tip.borrow().next,
                    Some(message) => {
                        let Some(message) = message? else { break };
                        self.take(&attached, message).await.map_err(|e| to_status(&e))?
                    }
                };
                let durable = tip.borrow_and_update().durable;
                if sent || durable > answered {
                    answered = durable;
                    yield answer(next, durable);
                }
            }
        }
    }

    async fn take(&self, attached: &Attachment, message: AppendRequest) -> Result<Seq, Error> {
        if message.records.is_empty() {
            return Ok(attached.log().tip().borrow().next);
        }
        let batch = convert::batch(message.records)?;
        self.ingest.append(attached.log(), batch, Seq::new(message.acked_seq)).await
    }

    async fn close(&self, agent: &Agent, last: Seq) -> Result<(), Error> {
        let closed = async {
            let log = self.ingest.open(&agent.member, agent.project).await?;
            self.keeper.close(&log, last).await
        };
        match closed.await {
            Err(Error::Manifest(ManifestError::Closed { last: closed })) if closed == last => Ok(()),
            result => result,
        }
    }

    async fn close_lost(&self, request: CloseLostLogRequest) -> Result<Seq, Error> {
        let member = request.member_id.parse().map_err(|e| Error::invalid("member_id", format!("{e}")))?;
        let project = match self.keeper.manifests().get(&member).await? {
            Some(manifest) => manifest.project(),
            None => self.executions.view(member.execution).await?.project,
        };
        self.lost.close(&member, project).await
    }
}

#[tonic::async_trait]
impl IngestService for IngestRpc {
    type AppendStream = Pin<Box<dyn Stream<Item = Result<AppendResponse, Status>> + Send>>;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Result<Response<Self::AppendStream>, Status> {
        let agent = auth::any_agent(&request)?;
        Ok(Response::new(Box::pin(self.clone().shipped(agent, request.into_inner()))))
    }

    async fn close_log(&self, request: Request<CloseLogRequest>) -> Result<Response<CloseLogResponse>, Status> {
        let agent = auth::agent(&request, &request.get_ref().member_id)?;
        let last = Seq::new(request.get_ref().last_seq);
        self.close(&agent, last).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(CloseLogResponse {}))
    }

    async fn close_lost_log(
        &self,
        request: Request<CloseLostLogRequest>,
    ) -> Result<Response<CloseLostLogResponse>, Status> {
        auth::service(&request)?;
        let last = self.close_lost(request.into_inner()).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(CloseLostLogResponse { last_seq: last.get() }))
    }
}

fn answer(expected: Seq, durable: Seq) -> AppendResponse {
    AppendResponse { expected_seq: expected.get(), durable_seq: durable.get() }
}
