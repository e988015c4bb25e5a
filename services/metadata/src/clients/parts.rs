//! Every part of the platform, as it answers about itself: those whose address
//! is in `[peers]`, metadata's role `api` too.

use katonic_proto::part::v1::{self as pb, part_service_client::PartServiceClient};
use katonic_service::{
    auth::{Audience, Minter},
    config::PeersSection,
    rpc::{self, Channel, ClientError, from_status},
};
use tonic::Status;

use crate::error::Error;

/// Clients of the parts.
#[derive(Clone)]
pub struct Parts(Vec<(Audience, PartServiceClient<Channel>)>);

/// A part.
pub struct Part(PartServiceClient<Channel>);

impl Parts {
    /// Clients that connect when first needed.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(peers: &PeersSection, minter: &Minter) -> Result<Self, ClientError> {
        let known = Audience::ALL.into_iter().filter_map(|part| peers.uri(part).ok().map(|uri| (part, uri)));
        let client = |(part, uri)| Ok((part, PartServiceClient::new(rpc::channel(uri, minter, part)?)));
        known.map(client).collect::<Result<_, _>>().map(Self)
    }

    /// All of them, or the one that people name so, each with its name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn all_or(&self, name: &str) -> Result<Vec<(&'static str, Part)>, Error> {
        let wanted = |part: &Audience| name.is_empty() || part.part() == name;
        let found = self.0.iter().filter(|(part, _)| wanted(part));
        let found: Vec<_> = found.map(|(part, client)| (part.part(), Part(client.clone()))).collect();
        if found.is_empty() { Err(Error::NotFound("part")) } else { Ok(found) }
    }

    /// The part that people name so.
    ///
    /// # Errors
    /// There is none.
    pub fn named(&self, name: &str) -> Result<Part, Error> {
        let found = self.0.iter().find(|(part, _)| part.part() == name);
        found.map(|(_, client)| Part(client.clone())).ok_or(Error::NotFound("part"))
    }
}

impl Part {
    /// How it logs.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn log_level(mut self) -> Result<pb::LogLevel, Status> {
        let answer = self.0.get_log_level(pb::GetLogLevelRequest {}).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner().log_level.unwrap_or_default())
    }

    /// Changes how it logs, for a while.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn set_log_level(mut self, wanted: pb::SetLogLevelRequest) -> Result<pb::LogLevel, Status> {
        let answer = self.0.set_log_level(wanted).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner().log_level.unwrap_or_default())
    }
}

impl Part {
    /// What waits in it, and who leads.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn describe(mut self) -> Result<pb::DescribeResponse, Status> {
        let answer = self.0.describe(pb::DescribeRequest {}).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner())
    }

    /// What it could not handle.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn parked(mut self, wanted: pb::ListParkedMessagesRequest) -> Result<Vec<pb::ParkedMessage>, Status> {
        let answer = self.0.list_parked_messages(wanted).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner().messages)
    }

    /// Sends back what it could not handle.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn redrive(mut self, wanted: pb::RedriveParkedMessagesRequest) -> Result<u32, Status> {
        let answer = self.0.redrive_parked_messages(wanted).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner().count)
    }

    /// Drops what it could not handle.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn drop_parked(mut self, wanted: pb::DropParkedMessagesRequest) -> Result<u32, Status> {
        let answer = self.0.drop_parked_messages(wanted).await.map_err(|status| passed_on(&status))?;
        Ok(answer.into_inner().count)
    }
}

/// A part's answer, without the words of what lies between.
fn passed_on(status: &Status) -> Status {
    from_status(status).into()
}
