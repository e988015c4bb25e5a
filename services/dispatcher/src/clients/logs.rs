//! log-streamer, for the one case where an agent cannot close its own log.

use katonic_domain::{ErrorKind, MemberId};
use katonic_proto::logs::v1::{CloseLostLogRequest, ingest_service_client::IngestServiceClient};
use katonic_service::rpc::{Channel, from_status};
use tracing::instrument;

use crate::error::Error;

/// A client of log-streamer. Clones share its connection.
#[derive(Debug, Clone)]
pub struct Logs {
    ingest: IngestServiceClient<Channel>,
}

impl Logs {
    /// Over a channel that authenticates as the dispatcher.
    pub fn new(channel: Channel) -> Self {
        Self { ingest: IngestServiceClient::new(channel) }
    }

    /// Closes the log of a member whose agent cannot: answers its last sequence.
    /// Repeating it is the same; a member that never opened a log has none.
    #[instrument(skip_all, fields(member.id = %member))]
    pub async fn close_lost(&self, member: &MemberId) -> Result<u64, Error> {
        let request = CloseLostLogRequest { member_id: member.to_string() };
        match self.ingest.clone().close_lost_log(request).await {
            Ok(answer) => Ok(answer.into_inner().last_seq),
            Err(status) => match from_status(&status) {
                failure if failure.kind == ErrorKind::NotFound => Ok(0),
                failure => Err(Error::LogsUnavailable(failure)),
            },
        }
    }
}
