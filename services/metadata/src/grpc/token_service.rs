//! What users ask about their tokens and themselves.

use katonic_domain::TokenId;
use katonic_proto::metadata::v1::{self as pb, token_service_server::TokenService};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, duration, idempotency_of, invalid, maker, status};
use crate::{
    domain::token::NewToken,
    snapshot,
    usecases::{tokens::Tokens, users::Users},
};

/// The service.
pub struct TokenHandlers {
    /// Tokens.
    pub tokens: Tokens,
    /// Users.
    pub users: Users,
}

#[tonic::async_trait]
impl TokenService for TokenHandlers {
    async fn get_self(&self, request: Request<pb::GetSelfRequest>) -> Result<Response<pb::GetSelfResponse>, Status> {
        let caller = auth::user(&request, "self.read")?;
        let user = self.users.get(caller.id).await.map_err(status)?;
        Ok(Response::new(pb::GetSelfResponse {
            user_id: user.id.to_string(),
            name: user.name.to_string(),
            admin: user.admin,
            scopes: caller.scopes.iter().map(ToString::to_string).collect(),
            token_id: caller.token.to_string(),
        }))
    }

    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let user = auth::user(&request, "token.create")?;
        let idempotency = idempotency_of(&request)?;
        let pb::CreateTokenRequest { name, scopes, lifetime } = request.into_inner();
        let lifetime = lifetime.map(|lifetime| duration("lifetime", &lifetime)).transpose()?;
        let new = NewToken::check(name, &scopes, lifetime).map_err(invalid)?;
        let made = self.tokens.create(&maker(user), new, idempotency).await.map_err(status)?;
        let replayed = made.secret.is_none();
        let mut response = Response::new(pb::CreateTokenResponse {
            token: Some(snapshot::token(&made.token.state)),
            secret: made.secret.map(|secret| secret.expose().to_owned()).unwrap_or_default(),
            secret_shown_before: replayed,
        });
        idempotency::mark_replayed(&mut response, replayed);
        Ok(response)
    }

    async fn get_token(&self, request: Request<pb::GetTokenRequest>) -> Result<Response<pb::GetTokenResponse>, Status> {
        let user = auth::user(&request, "token.read")?;
        let id: TokenId = fields::parse("token_id", &request.get_ref().token_id)?;
        let stored = self.tokens.get(user.id, id).await.map_err(status)?;
        Ok(Response::new(pb::GetTokenResponse { token: Some(snapshot::token(&stored.state)) }))
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        let user = auth::user(&request, "token.list")?;
        let size = fields::page_size(request.get_ref().page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &request.get_ref().page_token)?;
        let page = self.tokens.page(user.id, below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListTokensResponse {
            tokens: page.items.iter().map(|stored| snapshot::token(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let user = auth::user(&request, "token.revoke")?;
        let id: TokenId = fields::parse("token_id", &request.get_ref().token_id)?;
        let stored = self.tokens.revoke(user.id, id).await.map_err(status)?;
        Ok(Response::new(pb::RevokeTokenResponse { token: Some(snapshot::token(&stored.state)) }))
    }
}
