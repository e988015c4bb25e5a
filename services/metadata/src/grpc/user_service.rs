//! What is asked about users.

use katonic_domain::{Name, UserId};
use katonic_proto::metadata::v1::{self as pb, user_service_server::UserService};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, administrator, duration, idempotency_of, invalid, maker, status};
use crate::{
    domain::{token::NewToken, user::NewUser},
    snapshot,
    usecases::{tokens::Tokens, users::Users},
};

/// The service.
pub struct UserHandlers {
    /// Users.
    pub users: Users,
    /// Their tokens.
    pub tokens: Tokens,
}

#[tonic::async_trait]
impl UserService for UserHandlers {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        administrator(&auth::user(&request, "user.create")?)?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateUserRequest { name, display_name, admin } = request.into_inner();
        let new = NewUser::check(&name, display_name, admin).map_err(invalid)?;
        let made = self.users.create(new, idempotency).await.map_err(status)?;
        let user = Some(snapshot::user(&made.stored.state));
        let mut response = Response::new(pb::CreateUserResponse { user });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Result<Response<pb::GetUserResponse>, Status> {
        auth::user(&request, "user.read")?;
        let id: UserId = fields::parse("user_id", &request.get_ref().user_id)?;
        let user = self.users.get(id).await.map_err(status)?;
        Ok(Response::new(pb::GetUserResponse { user: Some(snapshot::user(&user)) }))
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        auth::user(&request, "user.list")?;
        let pb::ListUsersRequest { page_size, page_token, name } = request.into_inner();
        let size = fields::page_size(page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &page_token)?;
        if !name.is_empty() {
            let name: Name = fields::parse("name", &name)?;
            let found = self.users.named(&name).await.map_err(status)?;
            let users = found.iter().map(snapshot::user).collect();
            return Ok(Response::new(pb::ListUsersResponse { users, next_page_token: String::new() }));
        }
        let page = self.users.page(below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListUsersResponse {
            users: page.items.iter().map(|stored| snapshot::user(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn disable_user(
        &self,
        request: Request<pb::DisableUserRequest>,
    ) -> Result<Response<pb::DisableUserResponse>, Status> {
        administrator(&auth::user(&request, "user.disable")?)?;
        let id: UserId = fields::parse("user_id", &request.get_ref().user_id)?;
        let user = self.users.set_disabled(id, true).await.map_err(status)?;
        Ok(Response::new(pb::DisableUserResponse { user: Some(snapshot::user(&user)) }))
    }

    async fn enable_user(
        &self,
        request: Request<pb::EnableUserRequest>,
    ) -> Result<Response<pb::EnableUserResponse>, Status> {
        administrator(&auth::user(&request, "user.enable")?)?;
        let id: UserId = fields::parse("user_id", &request.get_ref().user_id)?;
        let user = self.users.set_disabled(id, false).await.map_err(status)?;
        Ok(Response::new(pb::EnableUserResponse { user: Some(snapshot::user(&user)) }))
    }

    async fn create_user_token(
        &self,
        request: Request<pb::CreateUserTokenRequest>,
    ) -> Result<Response<pb::CreateUserTokenResponse>, Status> {
        let caller = auth::user(&request, "user.create_token")?;
        administrator(&caller)?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateUserTokenRequest { user_id, name, scopes, lifetime } = request.into_inner();
        let user: UserId = fields::parse("user_id", &user_id)?;
        let lifetime = lifetime.map(|lifetime| duration("lifetime", &lifetime)).transpose()?;
        let new = NewToken::check(name, &scopes, lifetime).map_err(invalid)?;
        let made = self.tokens.create_for(&maker(caller), user, new, idempotency).await.map_err(status)?;
        let replayed = made.secret.is_none();
        let mut response = Response::new(pb::CreateUserTokenResponse {
            token: Some(snapshot::token(&made.token.state)),
            secret: made.secret.map(|secret| secret.expose().to_owned()).unwrap_or_default(),
            secret_shown_before: replayed,
        });
        idempotency::mark_replayed(&mut response, replayed);
        Ok(response)
    }
}
