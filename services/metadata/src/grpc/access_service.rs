//! What the other services ask.

use katonic_domain::{ProjectId, UserId};
use katonic_proto::metadata::v1::{self as pb, access_service_server::AccessService};
use katonic_service::{auth, fields};
use tonic::{Request, Response, Status};

use super::status;
use crate::{
    snapshot,
    usecases::{
        access::Access,
        launches::{Launches, Wanted},
        tokens::Tokens,
        visibility::Visibility,
    },
};

/// The machine itself, as the backend `process` knows it.
const HOST: &str = "host";
/// What is listed where nobody said.
const READ: &str = "project.read";

/// The service.
pub struct AccessHandlers {
    /// Decisions.
    pub access: Access,
    /// Launches.
    pub launches: Launches,
    /// Tokens.
    pub tokens: Tokens,
    /// What is visible to whom.
    pub visibility: Visibility,
}

#[tonic::async_trait]
impl AccessService for AccessHandlers {
    async fn authenticate(
        &self,
        request: Request<pb::AuthenticateRequest>,
    ) -> Result<Response<pb::AuthenticateResponse>, Status> {
        auth::service(&request)?;
        let (user, token) = self.tokens.authenticate(&request.get_ref().secret).await.map_err(status)?;
        Ok(Response::new(snapshot::authenticated(&user, &token)))
    }

    async fn check(&self, request: Request<pb::CheckRequest>) -> Result<Response<pb::CheckResponse>, Status> {
        auth::service(&request)?;
        let pb::CheckRequest { principal, action, object } = request.into_inner();
        let user: UserId = fields::parse("principal", &principal)?;
        let decision = self.access.check(user, &action, &object).await.map_err(status)?;
        Ok(Response::new(pb::CheckResponse { decision: snapshot::decision(decision).into() }))
    }

    async fn list_visible_projects(
        &self,
        request: Request<pb::ListVisibleProjectsRequest>,
    ) -> Result<Response<pb::ListVisibleProjectsResponse>, Status> {
        auth::service(&request)?;
        let pb::ListVisibleProjectsRequest { principal, action } = request.into_inner();
        let user: UserId = fields::parse("principal", &principal)?;
        let action = if action.is_empty() { READ } else { &action };
        let visible = self.visibility.of(user, action).await.map_err(status)?;
        Ok(Response::new(snapshot::visible(visible)))
    }

    async fn resolve_launch(
        &self,
        request: Request<pb::ResolveLaunchRequest>,
    ) -> Result<Response<pb::ResolveLaunchResponse>, Status> {
        auth::service(&request)?;
        let pb::ResolveLaunchRequest { principal, project_id, tier, commit } = request.into_inner();
        let user: UserId = fields::parse("principal", &principal)?;
        let project: ProjectId = fields::parse("project_id", &project_id)?;
        let commit = Some(commit).filter(|commit| !commit.is_empty());
        let commit = commit.map(|commit| fields::parse("commit", &commit)).transpose()?;
        let wanted = Wanted { user, project, tier, commit };
        let pinned = self.launches.resolve(wanted).await.map_err(status)?;
        Ok(Response::new(pb::ResolveLaunchResponse {
            tier: Some(snapshot::tier(&pinned.tier)),
            input_commit: pinned.commit.map(String::from).unwrap_or_default(),
            environment: HOST.to_owned(),
        }))
    }
}
