//! Closing the log of a member whose agent will not come back (DESIGN L5).
//!
//! What the hot tail has beyond the durable end is written as a last segment,
//! with an open gap behind it, and the log is closed. Repeating it, or
//! crashing anywhere in it, is harmless: until the log is closed nothing is
//! decided, and afterwards the answer is the log's end.

use std::sync::Arc;

use katonic_domain::{Clock, MemberId, ProjectId};

use crate::{
    domain::{Seq, manifest::ManifestError},
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
        match self.keeper.close_with_gap(&log, self.clock.now()).await {
            Err(Error::Manifest(ManifestError::Closed { last })) => Ok(last),
            closed => closed,
        }
    }
}
