//! Whether a user may read the logs of a project: metadata decides (DESIGN I3).
//!
//! A decision is remembered for 2 s, so that following costs metadata one
//! question per user, project and 2 s. Where metadata cannot answer nobody reads.

use katonic_domain::{ProjectId, UserId};
use katonic_proto::metadata::v1::{CheckRequest, Decision, access_service_client::AccessServiceClient};
use katonic_service::{
    auth::DECISION_LIFETIME,
    rpc::{Channel, from_status},
};
use moka::future::Cache;

use crate::error::Error;

/// The action of every reading RPC's rule.
pub const READ: &str = "log.read";
/// Users times projects that read within 2 s; each takes 100 bytes.
const DECISIONS: u64 = 10_000;

/// Asks metadata.
#[derive(Clone)]
pub struct Access {
    client: AccessServiceClient<Channel>,
    decisions: Cache<(UserId, ProjectId), Decision>,
}

impl Access {
    /// Asks over a channel to metadata.
    pub fn new(channel: Channel) -> Self {
        let decisions = Cache::builder().max_capacity(DECISIONS).time_to_live(DECISION_LIFETIME).build();
        Self { client: AccessServiceClient::new(channel), decisions }
    }

    /// Answers whether the user may read logs of the project, by an error if not.
    pub async fn must_read(&self, user: UserId, project: ProjectId) -> Result<(), Error> {
        let decision = match self.decisions.get(&(user, project)).await {
            Some(decision) => decision,
            None => self.ask(user, project).await?,
        };
        match decision {
            Decision::Allowed => Ok(()),
            Decision::Denied => Err(Error::Denied),
            Decision::Hidden | Decision::Unspecified => Err(Error::NoSuchExecution),
        }
    }

    async fn ask(&self, user: UserId, project: ProjectId) -> Result<Decision, Error> {
        let request =
            CheckRequest { principal: user.to_string(), action: READ.to_owned(), object: project.to_string() };
        let answer = self.client.clone().check(request).await.map_err(|status| Error::Peer(from_status(&status)))?;
        let decision = answer.into_inner().decision();
        self.decisions.insert((user, project), decision).await;
        Ok(decision)
    }
}
