//! What a user may read: metadata decides (DESIGN I3).
//!
//! An answer is remembered for 2 s, so that any number of streams and searches
//! costs metadata two questions per user and 2 s. Where metadata cannot answer
//! nobody reads.

use katonic_domain::UserId;
use katonic_proto::metadata::v1::{ListVisibleProjectsRequest, access_service_client::AccessServiceClient};
use katonic_service::{
    auth::{DECISION_LIFETIME, User},
    rpc::{Channel, from_status},
};
use moka::future::Cache;

use crate::{
    domain::{Projects, Visible},
    error::Error,
};

/// Users that read within 2 s; each takes some 40 bytes a project.
const READERS: u64 = 10_000;
/// A thousand projects take 30 KiB.
const MESSAGE_CAP: usize = 32 << 20;

/// Asks metadata.
#[derive(Clone)]
pub struct Access {
    client: AccessServiceClient<Channel>,
    seen: Cache<UserId, Visible>,
}

impl Access {
    /// Asks over a channel to metadata.
    pub fn new(channel: Channel) -> Self {
        let seen = Cache::builder().max_capacity(READERS).time_to_live(DECISION_LIFETIME).build();
        Self { client: AccessServiceClient::new(channel).max_decoding_message_size(MESSAGE_CAP), seen }
    }

    /// What a user may read, as of at most 2 s ago.
    pub async fn visible(&self, user: &User) -> Result<Visible, Error> {
        if let Some(visible) = self.seen.get(&user.id).await {
            return Ok(visible);
        }
        let (projects, executions) =
            tokio::try_join!(self.ask(user.id, "project.read"), self.ask(user.id, "execution.read"))?;
        let visible = Visible { reader: user.id, admin: user.admin, projects, executions };
        self.seen.insert(user.id, visible.clone()).await;
        Ok(visible)
    }

    async fn ask(&self, user: UserId, action: &str) -> Result<Projects, Error> {
        let request = ListVisibleProjectsRequest { principal: user.to_string(), action: action.to_owned() };
        let answer = self.client.clone().list_visible_projects(request).await;
        let answer = answer.map_err(|status| Error::Peer(from_status(&status)))?.into_inner();
        if answer.all {
            return Ok(Projects::All);
        }
        let ids: Result<_, _> = answer.project_ids.iter().map(|id| id.parse()).collect();
        ids.map(|ids| Projects::Some(std::sync::Arc::new(ids))).map_err(|_| Error::PeerAnswer)
    }
}
