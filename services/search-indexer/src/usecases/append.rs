//! Puts events into the feed: each once, those of one aggregate without a hole.
//!
//! What lies between two events of an aggregate is asked of its owner before
//! the later one is appended. A crash in between appends nothing, and all of it
//! comes again; a stale writer's transaction fails at the fence.

use std::collections::{HashMap, HashSet};

use katonic_store::Epoch;

use crate::{
    clients::owners::Owners,
    domain::{
        FeedEvent,
        order::{Batch, Missing},
    },
    error::Error,
    store::Feed,
    usecases::heads::Heads,
};

/// Events of one transaction: 128 of at most 64 KiB stay below the 16 MiB that a store takes.
const AT_ONCE: usize = 128;

/// Appends to the feed.
#[derive(Clone)]
pub struct Appender {
    feed: Feed,
    owners: Owners,
    heads: Heads,
}

/// Aggregates whose events were left out and must come again, each with why.
pub type LeftOut = HashMap<String, Error>;

impl Appender {
    /// Appends to `feed` and tells of it.
    pub const fn new(feed: Feed, owners: Owners, heads: Heads) -> Self {
        Self { feed, owners, heads }
    }

    /// Appends what is new of some events.
    ///
    /// # Errors
    /// [`Error::NotLeading`]; the store's. Some may be appended by then.
    pub async fn append(&self, events: Vec<FeedEvent>) -> Result<LeftOut, Error> {
        let epoch = self.feed.lease().held().ok_or(Error::NotLeading)?;
        let mut batch = Batch::new(events);
        let known = self.feed.places(batch.subjects()).await?;
        batch.forget_known(&known);
        let left_out = self.complete(&mut batch, &known).await;
        self.write(epoch, batch.into_ordered()).await?;
        Ok(left_out)
    }

    async fn write(&self, epoch: Epoch, mut events: Vec<FeedEvent>) -> Result<(), Error> {
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(AT_ONCE));
            let added = events.len() as u64;
            let head = self.feed.append(epoch, events).await?;
            metrics::counter!("katonic_search_indexer_events_total").increment(added);
            self.heads.tell(head.n);
            events = rest;
        }
        Ok(())
    }

    /// Asks owners for what is missing until nothing is; aggregates whose owner
    /// does not answer are left out.
    async fn complete(&self, batch: &mut Batch, known: &HashMap<String, crate::domain::Place>) -> LeftOut {
        let mut left_out = LeftOut::new();
        let mut asked: HashSet<Missing> = HashSet::new();
        loop {
            let holes: Vec<Missing> = batch.missing(known).into_iter().filter(|hole| !asked.contains(hole)).collect();
            if holes.is_empty() {
                return left_out;
            }
            for hole in holes {
                match self.owners.events(&hole.entity, &hole.subject, hole.after).await {
                    Ok(found) => {
                        metrics::counter!("katonic_search_indexer_fetched_total").increment(found.len() as u64);
                        batch.add(found);
                    }
                    // A later version's: nobody here knows whom to ask.
                    Err(Error::NoOwner(_)) => {}
                    Err(error) => {
                        batch.forget(&hole.subject);
                        left_out.insert(hole.subject.clone(), error);
                    }
                }
                // A hole that its owner cannot fill is asked for once.
                asked.insert(hole);
            }
        }
    }
}
