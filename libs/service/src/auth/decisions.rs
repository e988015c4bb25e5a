//! metadata's decisions, as every other service asks for them (DESIGN I3).
//!
//! That somebody may is remembered for 2 s: a page of a console that refreshes
//! costs one question, and a right that was taken away is felt within 5 s.
//! Refusals are not remembered, so that a new right is felt at once. Where
//! metadata cannot be asked nobody may.

use katonic_domain::{ProjectId, UserId};
use katonic_proto::metadata::v1::{CheckRequest, Decision, access_service_client::AccessServiceClient};
use moka::future::Cache;

use super::DECISION_LIFETIME;
use crate::rpc::{Channel, Failure, from_status};

/// Users times actions times projects that are asked about within 2 s; each takes some 200 bytes.
const REMEMBERED: u64 = 10_000;

/// Asks metadata. Clones share connection and memory.
#[derive(Debug, Clone)]
pub struct Decisions {
    client: AccessServiceClient<Channel>,
    allowed: Cache<(UserId, &'static str, ProjectId), ()>,
}

impl Decisions {
    /// Asks over a channel to metadata.
    pub fn new(channel: Channel) -> Self {
        let allowed = Cache::builder().max_capacity(REMEMBERED).time_to_live(DECISION_LIFETIME).build();
        Self { client: AccessServiceClient::new(channel), allowed }
    }

    /// Whether a user may do this in a project.
    ///
    /// # Errors
    /// metadata's, where it cannot be asked.
    pub async fn check(&self, user: UserId, action: &'static str, project: ProjectId) -> Result<Decision, Failure> {
        let key = (user, action, project);
        if self.allowed.get(&key).await.is_some() {
            return Ok(Decision::Allowed);
        }
        let request =
            CheckRequest { principal: user.to_string(), action: action.to_owned(), object: project.to_string() };
        let answer = self.client.clone().check(request).await.map_err(|status| from_status(&status))?;
        let decision = answer.into_inner().decision();
        if decision == Decision::Allowed {
            self.allowed.insert(key, ()).await;
        }
        Ok(decision)
    }
}
