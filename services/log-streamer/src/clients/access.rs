//! Whether a user may read the logs of a project: metadata decides (DESIGN I3).

use katonic_domain::{ProjectId, UserId};
use katonic_proto::metadata::v1::Decision;
use katonic_service::{auth::Decisions, rpc::Channel};

use crate::error::Error;

/// The action of every reading RPC's rule.
pub const READ: &str = "log.read";

/// Asks metadata.
#[derive(Clone)]
pub struct Access {
    decisions: Decisions,
}

impl Access {
    /// Asks over a channel to metadata.
    pub fn new(channel: Channel) -> Self {
        Self { decisions: Decisions::new(channel) }
    }

    /// Answers whether the user may read logs of the project, by an error if not.
    pub async fn must_read(&self, user: UserId, project: ProjectId) -> Result<(), Error> {
        match self.decisions.check(user, READ, project).await.map_err(Error::Peer)? {
            Decision::Allowed => Ok(()),
            Decision::Denied => Err(Error::Denied),
            Decision::Hidden | Decision::Unspecified => Err(Error::NoSuchExecution),
        }
    }
}
