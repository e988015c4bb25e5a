//! Compares the feed with every owner and appends what it lacks (DESIGN B4).
//!
//! It runs when a queue was made anew, daily, and fills a feed that was begun
//! anew. Stopping in between loses nothing: it begins again.

use std::pin::pin;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use katonic_proto::aggregates::Standing;

use crate::{clients::owners::Owners, error::Error, store::Feed, usecases::append::Appender};

/// Aggregates that owners are asked about at once.
const AT_ONCE: usize = 8;

/// Compares and appends.
#[derive(Clone)]
pub struct Resync {
    feed: Feed,
    owners: Owners,
    appender: Appender,
}

/// An aggregate that the feed is behind of.
struct Behind {
    entity: &'static str,
    subject: String,
    /// The last sequence that the feed has.
    from: u64,
    /// The one that the owner has.
    to: u64,
}

impl Resync {
    /// Compares `feed` with `owners`.
    pub const fn new(feed: Feed, owners: Owners, appender: Appender) -> Self {
        Self { feed, owners, appender }
    }

    /// Compares all there is.
    ///
    /// # Errors
    /// An owner or the store that does not answer, or a lease that is gone.
    pub async fn run(&self) -> Result<(), Error> {
        let mut caught_up = 0_u64;
        for entity in Owners::entities() {
            caught_up += self.entity(entity).await?;
        }
        tracing::info!(aggregates = caught_up, "the feed was compared with the owners");
        Ok(())
    }

    /// Compares the aggregates of one entity; answers of how many something was missing.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn entity(&self, entity: &'static str) -> Result<u64, Error> {
        let mut portions = pin!(self.owners.walk(entity).await?);
        let mut caught_up = 0;
        while let Some(portion) = portions.next().await {
            caught_up += self.portion(entity, portion?).await?;
        }
        Ok(caught_up)
    }

    async fn portion(&self, entity: &'static str, standings: Vec<Standing>) -> Result<u64, Error> {
        let places = self.feed.places(standings.iter().map(|at| at.id.as_str())).await?;
        let behind: Vec<Behind> = standings
            .into_iter()
            .map(|Standing { id, version }| {
                let from = places.get(&id).map_or(0, |place| place.sequence);
                Behind { entity, subject: id, from, to: version }
            })
            .filter(|behind| behind.from < behind.to)
            .collect();
        let count = behind.len() as u64;
        let mut fetched =
            pin!(stream::iter(behind).map(|behind| self.fetch(behind)).buffered(AT_ONCE).try_chunks(AT_ONCE));
        while let Some(events) = fetched.try_next().await.map_err(|cut| cut.1)? {
            let left_out = self.appender.append(events.into_iter().flatten().collect()).await?;
            if let Some((_, error)) = left_out.into_iter().next() {
                return Err(error);
            }
        }
        Ok(count)
    }

    /// Everything that the feed lacks of an aggregate.
    async fn fetch(&self, behind: Behind) -> Result<Vec<crate::domain::FeedEvent>, Error> {
        let Behind { entity, subject, mut from, to } = behind;
        let mut events = Vec::new();
        while from < to {
            let page = self.owners.events(entity, &subject, from).await?;
            let Some(last) = page.last() else { break };
            from = last.place.sequence;
            events.extend(page);
        }
        Ok(events)
    }
}
