//! The owners of aggregates: asked for events that did not come, and for where
//! every aggregate stands.

use std::{collections::HashMap, time::Duration};

use futures::{Stream, StreamExt as _};
use katonic_proto::{
    aggregate::v1::{
        ListAggregateEventsRequest, WalkAggregatesRequest, aggregate_service_client::AggregateServiceClient,
    },
    aggregates::Standing,
    envelope::Envelope,
    events::{self, Kind},
};
use katonic_service::{
    auth::Audience,
    rpc::{Channel, from_status},
};
use tokio::time::timeout;

use crate::{domain::FeedEvent, error::Error};

/// A portion of a walk comes within milliseconds; this only ends a hopeless wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the owners.
#[derive(Clone)]
pub struct Owners {
    clients: HashMap<Audience, AggregateServiceClient<Channel>>,
}

impl Owners {
    /// Asks over these channels.
    pub fn new(channels: impl IntoIterator<Item = (Audience, Channel)>) -> Self {
        let client = |(audience, channel)| (audience, AggregateServiceClient::new(channel));
        Self { clients: channels.into_iter().map(client).collect() }
    }

    /// The nouns that have an owner, in a stable order.
    pub fn entities() -> impl Iterator<Item = &'static str> {
        events::catalogue().iter().map(|kind| kind.aggregate.entity.as_str())
    }

    /// Events of an aggregate after a sequence, oldest first; none is the end.
    pub async fn events(&self, entity: &str, subject: &str, after: u64) -> Result<Vec<FeedEvent>, Error> {
        let request = ListAggregateEventsRequest {
            entity: entity.to_owned(),
            aggregate_id: subject.to_owned(),
            after,
            page_size: 0,
        };
        let answer = self.client(entity)?.list_aggregate_events(request).await;
        let events = answer.map_err(|status| Error::Peer(from_status(&status)))?.into_inner().events;
        events.iter().map(|text| parse(text)).collect()
    }

    /// Where every aggregate of an entity stands.
    pub async fn walk(
        &self,
        entity: &'static str,
    ) -> Result<impl Stream<Item = Result<Vec<Standing>, Error>> + use<>, Error> {
        let request = WalkAggregatesRequest { entity: entity.to_owned() };
        let answer = self.client(entity)?.walk_aggregates(request).await;
        let portions = answer.map_err(|status| Error::Peer(from_status(&status)))?.into_inner();
        Ok(futures::stream::unfold(Some(portions), |portions| async {
            let mut portions = portions?;
            match timeout(PATIENCE, portions.next()).await {
                Err(_) => Some((Err(Error::PeerAnswer), None)),
                Ok(None) => None,
                Ok(Some(Err(status))) => Some((Err(Error::Peer(from_status(&status))), None)),
                Ok(Some(Ok(portion))) => {
                    let standings = portion
                        .aggregates
                        .into_iter()
                        .map(|at| Standing { id: at.aggregate_id, version: at.version })
                        .collect();
                    Some((Ok(standings), Some(portions)))
                }
            }
        }))
    }

    fn client(&self, entity: &str) -> Result<AggregateServiceClient<Channel>, Error> {
        let owner = events::catalogue().iter().find(|kind| kind.aggregate.entity == entity).and_then(owner);
        let client = owner.and_then(|owner| self.clients.get(&owner));
        client.cloned().ok_or_else(|| Error::NoOwner(entity.to_owned()))
    }
}

fn owner(kind: &Kind) -> Option<Audience> {
    // `katonic.dispatcher.v1.Execution` is the dispatcher's.
    Audience::of_path(&format!("/{}", kind.payload.full_name()))
}

fn parse(text: &str) -> Result<FeedEvent, Error> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|_| Error::PeerAnswer)?;
    FeedEvent::try_from(envelope).map_err(|_| Error::PeerAnswer)
}
