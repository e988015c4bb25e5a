//! What is asked about organisations.

use katonic_domain::{Name, OrganisationId, UserId};
use katonic_proto::metadata::v1::{self as pb, organisation_service_server::OrganisationService};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, idempotency_of, invalid, status};
use crate::{
    domain::organisation::{NewOrganisation, Organisation, Standing},
    snapshot,
    usecases::organisations::{Change, Organisations},
};

/// The service.
pub struct OrganisationHandlers {
    /// Organisations.
    pub organisations: Organisations,
}

#[tonic::async_trait]
impl OrganisationService for OrganisationHandlers {
    async fn create_organisation(
        &self,
        request: Request<pb::CreateOrganisationRequest>,
    ) -> Result<Response<pb::CreateOrganisationResponse>, Status> {
        let user = auth::user(&request, "organisation.create")?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateOrganisationRequest { name, display_name } = request.into_inner();
        let new = NewOrganisation::check(&name, display_name).map_err(invalid)?;
        let made = self.organisations.create(user.id, new, idempotency).await.map_err(status)?;
        let organisation = Some(snapshot::whole_organisation(&made.stored.state));
        let mut response = Response::new(pb::CreateOrganisationResponse { organisation });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn get_organisation(
        &self,
        request: Request<pb::GetOrganisationRequest>,
    ) -> Result<Response<pb::GetOrganisationResponse>, Status> {
        let user = auth::user(&request, "organisation.read")?;
        let id: OrganisationId = fields::parse("organisation_id", &request.get_ref().organisation_id)?;
        let found = self.organisations.get(id).await.map_err(status)?;
        Ok(Response::new(pb::GetOrganisationResponse { organisation: Some(shown(&found, &user)) }))
    }

    async fn list_organisations(
        &self,
        request: Request<pb::ListOrganisationsRequest>,
    ) -> Result<Response<pb::ListOrganisationsResponse>, Status> {
        auth::user(&request, "organisation.list")?;
        let pb::ListOrganisationsRequest { page_size, page_token, name } = request.into_inner();
        let size = fields::page_size(page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &page_token)?;
        if !name.is_empty() {
            let name: Name = fields::parse("name", &name)?;
            let found = self.organisations.named(&name).await.map_err(status)?;
            let organisations = found.iter().map(snapshot::organisation).collect();
            return Ok(Response::new(pb::ListOrganisationsResponse { organisations, next_page_token: String::new() }));
        }
        let page = self.organisations.page(below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListOrganisationsResponse {
            organisations: page.items.iter().map(|stored| snapshot::organisation(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn set_organisation_member(
        &self,
        request: Request<pb::SetOrganisationMemberRequest>,
    ) -> Result<Response<pb::SetOrganisationMemberResponse>, Status> {
        let caller = auth::user(&request, "organisation.set_member")?;
        let request = request.into_inner();
        let standing = standing(request.role())?;
        let change = change(&request.organisation_id, &request.user_id, &request.etag)?;
        let changed = self.organisations.set_member(caller.id, change, standing).await.map_err(status)?;
        let organisation = Some(shown(&changed, &caller));
        Ok(Response::new(pb::SetOrganisationMemberResponse { organisation }))
    }

    async fn remove_organisation_member(
        &self,
        request: Request<pb::RemoveOrganisationMemberRequest>,
    ) -> Result<Response<pb::RemoveOrganisationMemberResponse>, Status> {
        let caller = auth::user(&request, "organisation.remove_member")?;
        let request = request.into_inner();
        let change = change(&request.organisation_id, &request.user_id, &request.etag)?;
        let changed = self.organisations.remove_member(caller.id, change).await.map_err(status)?;
        let organisation = Some(shown(&changed, &caller));
        Ok(Response::new(pb::RemoveOrganisationMemberResponse { organisation }))
    }
}

/// Who is in it, its members and administrators see.
fn shown(organisation: &Organisation, to: &auth::User) -> pb::Organisation {
    if to.admin || organisation.standing(to.id).is_some() {
        snapshot::whole_organisation(organisation)
    } else {
        snapshot::organisation(organisation)
    }
}

fn change<'a>(organisation: &str, user: &str, seen: &'a str) -> Result<Change<'a>, Status> {
    let organisation: OrganisationId = fields::parse("organisation_id", organisation)?;
    let user: UserId = fields::parse("user_id", user)?;
    Ok(Change { organisation, user, seen })
}

fn standing(role: pb::OrganisationRole) -> Result<Standing, Status> {
    match role {
        pb::OrganisationRole::Unspecified => Err(fields::invalid("role", "is required")),
        pb::OrganisationRole::Member => Ok(Standing::Member),
        pb::OrganisationRole::Owner => Ok(Standing::Owner),
    }
}
