//! What users ask about projects.

use katonic_domain::{Name, ProjectId};
use katonic_proto::metadata::v1::{self as pb, project_service_server::ProjectService};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, idempotency_of, invalid, status};
use crate::{
    domain::project::NewProject,
    snapshot,
    usecases::{access::Access, projects::Projects},
};

/// The service.
pub struct ProjectHandlers {
    /// Who may.
    pub access: Access,
    /// Projects.
    pub projects: Projects,
}

#[tonic::async_trait]
impl ProjectService for ProjectHandlers {
    async fn create_project(
        &self,
        request: Request<pb::CreateProjectRequest>,
    ) -> Result<Response<pb::CreateProjectResponse>, Status> {
        let user = auth::user(&request, "project.create")?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateProjectRequest { name, description } = request.into_inner();
        let new = NewProject::check(&name, description).map_err(invalid)?;
        let made = self.projects.create(user.id, new, idempotency).await.map_err(status)?;
        let project = Some(snapshot::project(&made.stored.state));
        let mut response = Response::new(pb::CreateProjectResponse { project });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn get_project(
        &self,
        request: Request<pb::GetProjectRequest>,
    ) -> Result<Response<pb::GetProjectResponse>, Status> {
        let user = auth::user(&request, "project.read")?;
        let id: ProjectId = fields::parse("project_id", &request.get_ref().project_id)?;
        self.access.require(user.id, "project.read", &id.to_string()).await.map_err(status)?;
        let stored = self.projects.get(id).await.map_err(status)?;
        Ok(Response::new(pb::GetProjectResponse { project: Some(snapshot::project(&stored.state)) }))
    }

    async fn list_projects(
        &self,
        request: Request<pb::ListProjectsRequest>,
    ) -> Result<Response<pb::ListProjectsResponse>, Status> {
        let user = auth::user(&request, "project.list")?;
        let pb::ListProjectsRequest { page_size, page_token, name } = request.into_inner();
        let size = fields::page_size(page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &page_token)?;
        let page = if name.is_empty() {
            self.projects.page(user.id, below, size).await
        } else {
            let name: Name = fields::parse("name", &name)?;
            self.projects.named(user.id, &name).await
        };
        let page = page.map_err(status)?;
        Ok(Response::new(pb::ListProjectsResponse {
            projects: page.items.iter().map(|stored| snapshot::project(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }
}
