//! Closing the log of a member whose agent will not come back (DESIGN L5).
//!
//! What the hot tail has beyond the durable end is written as a last segment,
//! with an open gap behind it, and the log is closed. Repeating it, or
//! crashing anywhere in it, is harmless: until the log is closed nothing is
//! decided, and afterwards the answer is the log's end.

use std::sync::Arc;

use katonic_domain::{Clock, MemberId, ProjectId};
use tokio::time::Instant;

use crate::{
    domain::{Batch, Content, GapReason, Record, Seq, manifest::ManifestError},
    error::Error,
    usecases::{ingest::Ingest, keep::Keeper},
};

/// Closes logs that nobody else will.
#[derive(Clone)]
pub struct Lost {
    ingest: Ingest,
    keeper: Keeper,
    clock: Arc<dyn Clock>,
}

impl Lost {
    /// Closes what `ingest` opens.
    pub fn new(ingest: Ingest, keeper: Keeper, clock: Arc<dyn Clock>) -> Self {
        Self { ingest, keeper, clock }
    }

    /// Closes a log with an open gap after everything that is known of it; answers its last sequence.
    pub async fn close(&self, member: &MemberId, project: ProjectId) -> Result<Seq, Error> {
        let log = match self.ingest.open(member, project).await {
            Err(Error::Manifest(ManifestError::Closed { last })) => return Ok(last),
            opened => opened?,
        };
        let _turn = log.appending.lock().await;
        let _alone = log.cutting.lock().await;
        let next = log.tip().borrow().next;
        let content = Content::Gap { to: None, reason: GapReason::Lost };
        let gap = Batch::try_new(vec![Record { seq: next, time: self.clock.now(), content }])?;
        let declared = log.change(|window| window.push(gap, Instant::now()));
        let last = if declared { next } else { next.previous() };
        match self.keeper.close_in_turn(&log, last).await {
            Ok(()) => {}
            Err(Error::Manifest(ManifestError::Closed { last })) => return Ok(last),
            Err(error) => return Err(error),
        }
        self.keeper.forget_tail(member).await;
        Ok(last)
    }
}
