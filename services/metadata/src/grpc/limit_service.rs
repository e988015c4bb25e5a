//! What administrators ask about limits.

use katonic_domain::{Limit, LimitScope};
use katonic_proto::metadata::v1::{self as pb, limit_service_server::LimitService};
use katonic_service::{auth, fields};
use tonic::{Request, Response, Status};

use super::{DEFAULT_PAGE, administrator, status};
use crate::{snapshot, usecases::limits::Limits};

/// The service.
pub struct LimitHandlers {
    /// All there are.
    pub limits: Limits,
}

#[tonic::async_trait]
impl LimitService for LimitHandlers {
    async fn list_limits(
        &self,
        request: Request<pb::ListLimitsRequest>,
    ) -> Result<Response<pb::ListLimitsResponse>, Status> {
        administrator(&auth::user(&request, "limit.list")?)?;
        let size = fields::page_size(request.get_ref().page_size, DEFAULT_PAGE)?;
        let below = fields::place("page_token", &request.get_ref().page_token)?;
        let page = self.limits.page(below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListLimitsResponse {
            limits: page.items.iter().map(|stored| snapshot::limit(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn set_limit(&self, request: Request<pb::SetLimitRequest>) -> Result<Response<pb::SetLimitResponse>, Status> {
        administrator(&auth::user(&request, "limit.set")?)?;
        let pb::SetLimitRequest { scope, max_running, max_queued, etag } = request.into_inner();
        let scope: LimitScope = fields::parse("scope", &scope)?;
        let limit = Limit { running: max_running, queued: max_queued };
        let set = self.limits.set(scope, limit, &etag).await.map_err(status)?;
        Ok(Response::new(pb::SetLimitResponse { limit: Some(snapshot::limit(&set.state)) }))
    }
}
