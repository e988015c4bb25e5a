//! metadata's tiers and limits, as a list.

use katonic_domain::{ErrorKind, Limit};
use katonic_proto::metadata::v1::{
    ListPoliciesRequest, Policy as WirePolicy, policy::Subject, policy_service_client::PolicyServiceClient,
};
use katonic_service::rpc::{Channel, Failure, from_status};

use crate::{
    domain::policy::{Policy, Rule, Seen},
    error::Error,
};

/// A client of metadata.
#[derive(Debug, Clone)]
pub struct PolicyList(PolicyServiceClient<Channel>);

impl PolicyList {
    /// Over a channel that authenticates as the dispatcher.
    pub fn new(channel: Channel) -> Self {
        Self(PolicyServiceClient::new(channel))
    }

    /// All of them.
    pub async fn all(&self) -> Result<Vec<Policy>, Error> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let answer = self.0.clone().list_policies(ListPoliciesRequest { page_token }).await;
            let page = answer.map_err(|status| Error::from_metadata(from_status(&status)))?.into_inner();
            for policy in page.policies {
                all.push(parse(policy).ok_or_else(not_understood)?);
            }
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}

fn parse(policy: WirePolicy) -> Option<Policy> {
    let (id, rule) = match policy.subject? {
        Subject::Tier(tier) => {
            (tier.tier_id, Rule::Tier { name: tier.name.parse().ok()?, max_running: tier.max_running })
        }
        Subject::Limit(limit) => {
            let scope = limit.scope.parse().ok()?;
            (
                limit.limit_id,
                Rule::Limit { scope, limit: Limit { running: limit.max_running, queued: limit.max_queued } },
            )
        }
    };
    Some(Policy { id, seen: Seen { incarnation: policy.incarnation, sequence: policy.sequence }, rule })
}

fn not_understood() -> Error {
    Error::MetadataUnavailable(Failure::new(
        ErrorKind::Internal,
        "ANSWER_NOT_UNDERSTOOD",
        "metadata's answer was not understood",
    ))
}
