//! What users ask about projects.

mod edit;

use katonic_domain::{Name, ProjectId};
use katonic_proto::metadata::v1::{self as pb, project_service_server::ProjectService};
use katonic_service::{auth, fields, idempotency};
use katonic_store::Stored;
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, administrator, idempotency_of, invalid, status};
use crate::{
    domain::{
        party::Party,
        project::{NewProject, Project},
    },
    snapshot,
    usecases::{
        access::Access,
        grants::Grants,
        project_list::{Cursor, ProjectList},
        projects::Projects,
    },
};

/// The service.
pub struct ProjectHandlers {
    /// Who may.
    pub access: Access,
    /// Projects.
    pub projects: Projects,
    /// Lists of them.
    pub list: ProjectList,
    /// Whose they are.
    pub grants: Grants,
}

impl ProjectHandlers {
    /// The project that a request is about, and who asks, if they may do this there.
    async fn allowed<T>(
        &self,
        request: &Request<T>,
        action: &str,
        project: &str,
    ) -> Result<(auth::User, ProjectId), Status> {
        let user = auth::user(request, action)?;
        let id: ProjectId = fields::parse("project_id", project)?;
        self.access.require(user.id, action, &id.to_string()).await.map_err(status)?;
        Ok((user, id))
    }

    async fn listed(
        &self,
        user: &auth::User,
        request: pb::ListProjectsRequest,
    ) -> Result<pb::ListProjectsResponse, Status> {
        let pb::ListProjectsRequest { page_size, page_token, name, archived, all } = request;
        let size = fields::page_size(page_size, DEFAULT_PAGE)?;
        if !name.is_empty() {
            let name: Name = fields::parse("name", &name)?;
            let found = self.list.named(user.id, &name).await.map_err(status)?;
            return Ok(answer(&found, String::new()));
        }
        if all {
            administrator(user)?;
            let below = fields::place("page_token", &page_token)?;
            let page = self.list.all(below, size, archived).await.map_err(status)?;
            return Ok(answer(&page.items, page.next.map(fields::token).unwrap_or_default()));
        }
        let from = Some(page_token).filter(|token| !token.is_empty());
        let from: Option<Cursor> = from.map(|token| fields::parse("page_token", &token)).transpose()?;
        let page = self.list.page(user.id, from, size, archived).await.map_err(status)?;
        Ok(answer(&page.items, page.next.map(|next| next.to_string()).unwrap_or_default()))
    }
}

#[tonic::async_trait]
impl ProjectService for ProjectHandlers {
    async fn create_project(
        &self,
        request: Request<pb::CreateProjectRequest>,
    ) -> Result<Response<pb::CreateProjectResponse>, Status> {
        let user = auth::user(&request, "project.create")?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateProjectRequest { name, description, tags, owner_id } = request.into_inner();
        let owner = match owner_id.as_str() {
            "" => Party::User(user.id),
            owner => fields::parse("owner_id", owner)?,
        };
        let new = NewProject::check(&name, description, tags).map_err(invalid)?;
        let made = self.projects.create(user.id, owner, new, idempotency).await.map_err(status)?;
        let mut response = Response::new(pb::CreateProjectResponse { project: shown(&made.stored) });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn get_project(
        &self,
        request: Request<pb::GetProjectRequest>,
    ) -> Result<Response<pb::GetProjectResponse>, Status> {
        let user = auth::user(&request, "project.read")?;
        let id = fields::parse("project_id", &request.get_ref().project_id)?;
        let stored = self.access.project(user.id, "project.read", id).await.map_err(status)?;
        Ok(Response::new(pb::GetProjectResponse { project: shown(&stored) }))
    }

    async fn list_projects(
        &self,
        request: Request<pb::ListProjectsRequest>,
    ) -> Result<Response<pb::ListProjectsResponse>, Status> {
        let user = auth::user(&request, "project.list")?;
        Ok(Response::new(self.listed(&user, request.into_inner()).await?))
    }

    async fn update_project(
        &self,
        request: Request<pb::UpdateProjectRequest>,
    ) -> Result<Response<pb::UpdateProjectResponse>, Status> {
        let (user, id) = self.allowed(&request, "project.update", &request.get_ref().project_id).await?;
        let (edit, seen) = edit::read(request.into_inner())?;
        let stored = self.projects.edit(user.id, id, &edit, &seen).await.map_err(status)?;
        Ok(Response::new(pb::UpdateProjectResponse { project: shown(&stored) }))
    }

    async fn archive_project(
        &self,
        request: Request<pb::ArchiveProjectRequest>,
    ) -> Result<Response<pb::ArchiveProjectResponse>, Status> {
        let (_, id) = self.allowed(&request, "project.archive", &request.get_ref().project_id).await?;
        let stored = self.projects.archive(id, &request.get_ref().etag).await.map_err(status)?;
        Ok(Response::new(pb::ArchiveProjectResponse { project: shown(&stored) }))
    }

    async fn restore_project(
        &self,
        request: Request<pb::RestoreProjectRequest>,
    ) -> Result<Response<pb::RestoreProjectResponse>, Status> {
        let (_, id) = self.allowed(&request, "project.restore", &request.get_ref().project_id).await?;
        let stored = self.projects.restore(id, &request.get_ref().etag).await.map_err(status)?;
        Ok(Response::new(pb::RestoreProjectResponse { project: shown(&stored) }))
    }

    async fn transfer_project(
        &self,
        request: Request<pb::TransferProjectRequest>,
    ) -> Result<Response<pb::TransferProjectResponse>, Status> {
        let (user, id) = self.allowed(&request, "project.transfer", &request.get_ref().project_id).await?;
        let to: Party = fields::parse("owner_id", &request.get_ref().owner_id)?;
        let project = self.grants.transfer(user.id, id, to, &request.get_ref().etag).await.map_err(status)?;
        Ok(Response::new(pb::TransferProjectResponse { project: Some(snapshot::project(&project)) }))
    }
}

fn shown(stored: &Stored<Project>) -> Option<pb::Project> {
    Some(snapshot::project(&stored.state))
}

fn answer(projects: &[Stored<Project>], next_page_token: String) -> pb::ListProjectsResponse {
    let projects = projects.iter().map(|stored| snapshot::project(&stored.state)).collect();
    pb::ListProjectsResponse { projects, next_page_token }
}
