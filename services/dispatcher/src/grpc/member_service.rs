//! What agents say about their members, and who follows members.

use futures::{StreamExt, stream::BoxStream};
use katonic_domain::MemberId;
use katonic_proto::{
    dispatcher::v1::{self as pb, member_service_server::MemberService},
    time::timestamp,
};
use katonic_service::{
    auth::{self, AgentGrant, Minter},
    fields,
};
use tonic::{Request, Response, Status};

use crate::{
    domain::{execution::DesiredState, member::Member},
    grpc::{
        convert::{self, status},
        usage,
    },
    snapshot,
    usecases::{claim::Claims, report::Reports, watch::Watches},
};

/// The service.
pub struct Members {
    /// Answers claims.
    pub claims: Claims,
    /// Makes members' tokens.
    pub minter: Minter,
    /// Takes reports.
    pub reports: Reports,
    /// Streams.
    pub watches: Watches,
}

fn desired(state: DesiredState) -> i32 {
    snapshot::desired(state).into()
}

#[tonic::async_trait]
impl MemberService for Members {
    async fn claim(&self, request: Request<pb::ClaimRequest>) -> Result<Response<pb::ClaimResponse>, Status> {
        let ticket = auth::ticket(&request)?;
        let request = request.into_inner();
        let id: MemberId = fields::parse("member_id", &request.member_id)?;
        let nonce = fields::parse("nonce", &request.nonce)?;
        let execution = self.claims.claim(&id, ticket.0.expose(), &nonce).await.map_err(status)?;
        let grant = AgentGrant { member: id, project: execution.project };
        let minted = self.minter.for_agent(&grant).map_err(|error| status(error.into()))?;
        let commit = &execution.spec.input_commit;
        Ok(Response::new(pb::ClaimResponse {
            token: minted.token.expose().clone(),
            token_expire_time: Some(timestamp(minted.expires)),
            project_id: execution.project.to_string(),
            input_commit: commit.as_ref().map(ToString::to_string).unwrap_or_default(),
            desired_state: desired(execution.desired),
        }))
    }

    async fn report_checkpoints(
        &self,
        request: Request<pb::ReportCheckpointsRequest>,
    ) -> Result<Response<pb::ReportCheckpointsResponse>, Status> {
        let agent = auth::agent(&request, &request.get_ref().member_id)?;
        let reached = convert::checkpoints(request.into_inner().checkpoints)?;
        let state = self.reports.checkpoints(&agent.member, &reached).await.map_err(status)?;
        Ok(Response::new(pb::ReportCheckpointsResponse { desired_state: desired(state) }))
    }

    async fn report_usage(
        &self,
        request: Request<pb::ReportUsageRequest>,
    ) -> Result<Response<pb::ReportUsageResponse>, Status> {
        let agent = auth::agent(&request, &request.get_ref().member_id)?;
        let series = request.into_inner().series.ok_or_else(|| fields::invalid("series", "is not set"))?;
        let said = usage::metered(agent.member, series)?;
        self.reports.usage(&said).await.map_err(status)?;
        Ok(Response::new(pb::ReportUsageResponse {}))
    }

    async fn report_exit(
        &self,
        request: Request<pb::ReportExitRequest>,
    ) -> Result<Response<pb::ReportExitResponse>, Status> {
        let agent = auth::agent(&request, &request.get_ref().member_id)?;
        let outcome = convert::outcome(request.into_inner())?;
        let state = self.reports.exit(&agent.member, outcome).await.map_err(status)?;
        Ok(Response::new(pb::ReportExitResponse { desired_state: desired(state) }))
    }

    async fn report_finished(
        &self,
        request: Request<pb::ReportFinishedRequest>,
    ) -> Result<Response<pb::ReportFinishedResponse>, Status> {
        let agent = auth::agent(&request, &request.get_ref().member_id)?;
        let closing = convert::closing(&agent.member, request.into_inner())?;
        self.reports.finished(&agent.member, closing).await.map_err(status)?;
        Ok(Response::new(pb::ReportFinishedResponse {}))
    }

    type WatchOrdersStream = BoxStream<'static, Result<pb::WatchOrdersResponse, Status>>;

    async fn watch_orders(
        &self,
        request: Request<pb::WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        let agent = auth::any_agent(&request)?;
        // A token speaks for one member, so a stream does too.
        for member_id in &request.get_ref().member_ids {
            agent.must_be(member_id)?;
        }
        let orders = self.watches.orders(vec![agent.member]).map(|item| {
            let (id, state) = item.map_err(status)?;
            Ok(pb::WatchOrdersResponse { member_id: id.to_string(), desired_state: desired(state) })
        });
        Ok(Response::new(orders.boxed()))
    }

    type WatchMembersStream = BoxStream<'static, Result<pb::WatchMembersResponse, Status>>;

    async fn watch_members(
        &self,
        request: Request<pb::WatchMembersRequest>,
    ) -> Result<Response<Self::WatchMembersStream>, Status> {
        auth::service(&request)?;
        let id = fields::parse("execution_id", &request.get_ref().execution_id)?;
        let members = self.watches.members(id).map(|item| {
            let seen = item.map_err(status)?;
            Ok(pb::WatchMembersResponse {
                project_id: seen.project.to_string(),
                members: seen.members.iter().map(member).collect(),
                ended: seen.ended,
            })
        });
        Ok(Response::new(members.boxed()))
    }
}

fn member(member: &Member) -> pb::Member {
    pb::Member {
        member_id: member.id.to_string(),
        attempt: member.id.attempt,
        role: member.id.role.to_string(),
        index: member.id.index,
        open: member.open,
    }
}
