//! What services that keep a view of tiers and limits ask.

use katonic_proto::metadata::v1::{self as pb, policy::Subject, policy_service_server::PolicyService};
use katonic_service::{auth, fields};
use katonic_store::Version;
use tonic::{Request, Response, Status};

use super::status;
use crate::{
    snapshot,
    usecases::{limits::Limits, tiers::Tiers},
};

const PAGE: usize = 200;

/// The service.
pub struct PolicyHandlers {
    /// All tiers.
    pub tiers: Tiers,
    /// All limits.
    pub limits: Limits,
    /// Of the installation.
    pub incarnation: u32,
}

impl PolicyHandlers {
    fn policy(&self, sequence: Version, subject: Subject) -> pb::Policy {
        pb::Policy { incarnation: self.incarnation, sequence: sequence.get(), subject: Some(subject) }
    }
}

#[tonic::async_trait]
impl PolicyService for PolicyHandlers {
    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        auth::service(&request)?;
        let below = fields::place("page_token", &request.get_ref().page_token)?;
        let mut policies = Vec::new();
        // Tiers are few: the first page has them all.
        if below.is_none() {
            for tier in self.tiers.all().await.map_err(status)? {
                policies.push(self.policy(tier.version, Subject::Tier(snapshot::tier(&tier.state))));
            }
        }
        let page = self.limits.page(below, PAGE).await.map_err(status)?;
        let limits = page.items.iter();
        policies.extend(limits.map(|limit| self.policy(limit.version, Subject::Limit(snapshot::limit(&limit.state)))));
        let next_page_token = page.next.map(fields::token).unwrap_or_default();
        Ok(Response::new(pb::ListPoliciesResponse { policies, next_page_token }))
    }
}
