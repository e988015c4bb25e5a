//! Finding the records of a log from a sequence on, wherever they are (DESIGN L5).
//!
//! ```text
//!   1 … durable: segments | durable+1 … : window at this replica, else Redis | not come yet
//! ```
//!
//! The order of the questions makes it safe against everything that moves
//! meanwhile: what left the window or Redis is in a segment, so a hole there
//! sends the reader back to the manifest, as does a segment whose blob is gone.

use std::sync::Arc;

use katonic_domain::MemberId;

use crate::{
    domain::{Manifest, Record, Seq},
    error::Error,
    segments::{SegmentError, Segments},
    store::Manifests,
    tail::Tail,
    usecases::live::LiveLogs,
};

/// What there is at a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// At least one record; the first one is or spans the sequence.
    Records(Vec<Record>),
    /// It has not come yet.
    NotYet,
    /// The member has not opened its log.
    NotOpened,
    /// The log is closed before it.
    End,
}

/// How far to look where this replica's own window has nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Trust the window while an agent's stream is open here.
    Live,
    /// Ask the manifest and Redis: the agent may be elsewhere by now.
    Full,
}

/// Reads logs.
#[derive(Clone)]
pub struct Reader {
    manifests: Manifests,
    segments: Segments,
    tail: Arc<Tail>,
    live: Arc<LiveLogs>,
}

impl Reader {
    /// Reads what these hold.
    pub const fn new(manifests: Manifests, segments: Segments, tail: Arc<Tail>, live: Arc<LiveLogs>) -> Self {
        Self { manifests, segments, tail, live }
    }

    /// Records from `from` on, up to about `weight`.
    pub async fn read(&self, member: &MemberId, from: Seq, weight: usize, depth: Depth) -> Result<Found, Error> {
        if let Some(found) = self.window(member, from, weight, depth) {
            return Ok(found);
        }
        let mut found = self.kept_or_hot(member, from, weight).await?;
        // A record may have moved from Redis into a segment between the two questions.
        if found == Found::NotYet {
            found = match self.window(member, from, weight, Depth::Full) {
                Some(found) => found,
                None => self.kept(member, from, weight).await?,
            };
        }
        Ok(found)
    }

    /// Waits until the window of this replica has `next`, or the log was closed here.
    pub async fn news(&self, member: &MemberId, next: Seq) {
        self.live.news(member, next).await;
    }

    fn window(&self, member: &MemberId, from: Seq, weight: usize, depth: Depth) -> Option<Found> {
        let log = self.live.get(member)?;
        if let Some(records) = log.records_from(from, weight) {
            return Some(Found::Records(records));
        }
        let tip = *log.tip().borrow();
        let nothing_new = depth == Depth::Live && log.is_attached() && from == tip.next && !tip.closed;
        nothing_new.then_some(Found::NotYet)
    }

    async fn kept_or_hot(&self, member: &MemberId, from: Seq, weight: usize) -> Result<Found, Error> {
        let found = self.kept(member, from, weight).await?;
        if found != Found::NotYet {
            return Ok(found);
        }
        let hot = match self.tail.read(member, from).await {
            Ok(batches) => batches,
            Err(error) => {
                tracing::debug!(member.id = %member, %error, "reading without the hot tail");
                return Ok(found);
            }
        };
        let joins = hot.first().is_some_and(|batch| batch.first() <= from);
        let records = hot.iter().flat_map(|batch| batch.records());
        Ok(if joins { Found::Records(up_to(records, from, weight)) } else { found })
    }

    /// What segments hold.
    async fn kept(&self, member: &MemberId, from: Seq, weight: usize) -> Result<Found, Error> {
        let Some(manifest) = self.manifests.get(member).await? else { return Ok(Found::NotOpened) };
        match self.segment(&manifest, from, weight).await {
            // Merged meanwhile: the manifest knows where its records are now.
            Err(Error::Segment(SegmentError::Blob(katonic_blob::Error::NotFound))) => {
                let Some(manifest) = self.manifests.get(member).await? else { return Ok(Found::NotOpened) };
                self.segment(&manifest, from, weight).await
            }
            found => found,
        }
    }

    async fn segment(&self, manifest: &Manifest, from: Seq, weight: usize) -> Result<Found, Error> {
        let Some(segment) = manifest.covering(from) else {
            return Ok(if manifest.is_closed() { Found::End } else { Found::NotYet });
        };
        let records = self.segments.read(manifest.project(), segment).await?;
        let start = records.partition_point(|record| record.last() < from);
        Ok(Found::Records(up_to(records[start..].iter(), from, weight)))
    }
}

fn up_to<'a>(records: impl Iterator<Item = &'a Record>, from: Seq, weight: usize) -> Vec<Record> {
    let mut taken = 0;
    let mut fits = |record: &&Record| {
        let room = taken < weight;
        taken += record.weight();
        room
    };
    records.filter(|record| record.last() >= from).take_while(|record| fits(record)).cloned().collect()
}
