//! What is asked about roles in projects.

use katonic_domain::ProjectId;
use katonic_proto::metadata::v1::{self as pb, grant_service_server::GrantService};
use katonic_service::{auth, fields};
use tonic::{Request, Response, Status};

use super::status;
use crate::{
    domain::{decision::Role, grant::Place, party::Party},
    snapshot,
    usecases::{access::Access, grants::Grants},
};

/// The service.
pub struct GrantHandlers {
    /// Who may.
    pub access: Access,
    /// Roles.
    pub grants: Grants,
}

impl GrantHandlers {
    /// The place that a request is about, if its caller may do this there.
    async fn place<T>(&self, request: &Request<T>, action: &str, project: &str, party: &str) -> Result<Place, Status> {
        let user = auth::user(request, action)?;
        let project: ProjectId = fields::parse("project_id", project)?;
        let party: Party = fields::parse("party_id", party)?;
        self.access.require(user.id, action, &project.to_string()).await.map_err(status)?;
        Ok(Place { project, party })
    }
}

#[tonic::async_trait]
impl GrantService for GrantHandlers {
    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let user = auth::user(&request, "grant.list")?;
        let project: ProjectId = fields::parse("project_id", &request.get_ref().project_id)?;
        self.access.require(user.id, "grant.list", &project.to_string()).await.map_err(status)?;
        let grants = self.grants.list(project).await.map_err(status)?;
        Ok(Response::new(pb::ListGrantsResponse { grants: grants.iter().map(snapshot::grant).collect() }))
    }

    async fn get_grant(&self, request: Request<pb::GetGrantRequest>) -> Result<Response<pb::GetGrantResponse>, Status> {
        let pb::GetGrantRequest { project_id, party_id } = request.get_ref();
        let place = self.place(&request, "grant.read", project_id, party_id).await?;
        let grant = self.grants.get(place).await.map_err(status)?;
        Ok(Response::new(pb::GetGrantResponse { grant: Some(snapshot::grant(&grant)) }))
    }

    async fn set_grant(&self, request: Request<pb::SetGrantRequest>) -> Result<Response<pb::SetGrantResponse>, Status> {
        let pb::SetGrantRequest { project_id, party_id, etag, .. } = request.get_ref();
        let place = self.place(&request, "grant.set", project_id, party_id).await?;
        let role = role(request.get_ref().role())?;
        let grant = self.grants.set(place, role, etag).await.map_err(status)?;
        Ok(Response::new(pb::SetGrantResponse { grant: Some(snapshot::grant(&grant)) }))
    }

    async fn delete_grant(
        &self,
        request: Request<pb::DeleteGrantRequest>,
    ) -> Result<Response<pb::DeleteGrantResponse>, Status> {
        let pb::DeleteGrantRequest { project_id, party_id, etag } = request.get_ref();
        let place = self.place(&request, "grant.delete", project_id, party_id).await?;
        self.grants.delete(place, etag).await.map_err(status)?;
        Ok(Response::new(pb::DeleteGrantResponse {}))
    }
}

fn role(role: pb::Role) -> Result<Role, Status> {
    match role {
        pb::Role::Unspecified => Err(fields::invalid("role", "is required")),
        pb::Role::ResultsConsumer => Ok(Role::ResultsConsumer),
        pb::Role::Reader => Ok(Role::Reader),
        pb::Role::Launcher => Ok(Role::Launcher),
        pb::Role::Contributor => Ok(Role::Contributor),
        pb::Role::Owner => Ok(Role::Owner),
    }
}
