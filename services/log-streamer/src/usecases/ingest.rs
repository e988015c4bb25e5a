//! Taking records from an agent (DESIGN L3).
//!
//! A record counts as accepted once it is in the window; as kept only once a
//! manifest lists its segment (keep.rs). Redis gets it first, so that what a
//! reader elsewhere saw is never unknown to whoever takes the log over. A
//! crash or cancelled call between the two is healed at the next open or
//! append, which adopts what Redis has beyond the window.

use std::sync::Arc;

use katonic_domain::{MemberId, ProjectId};
use tokio::time::Instant;

use crate::{
    domain::{Batch, Manifest, Seq, Window, manifest::ManifestError},
    error::Error,
    tail::{Appended, Tail},
    usecases::{
        keep::Keeper,
        live::{LiveLog, LiveLogs},
    },
};

/// Takes records into the windows of this replica.
#[derive(Debug, Clone)]
pub struct Ingest {
    keeper: Keeper,
    tail: Arc<Tail>,
    live: Arc<LiveLogs>,
}

impl Ingest {
    /// Takes records for `keeper` to make durable.
    pub const fn new(keeper: Keeper, tail: Arc<Tail>, live: Arc<LiveLogs>) -> Self {
        Self { keeper, tail, live }
    }

    /// Opens a member's log here, as far as segments and Redis know it.
    pub async fn open(&self, member: &MemberId, project: ProjectId) -> Result<Arc<LiveLog>, Error> {
        let manifest = self.keeper.manifests().get_or_open(member, project).await?;
        if manifest.is_closed() {
            return Err(ManifestError::Closed { last: manifest.durable_seq() }.into());
        }
        let log = self.keeper.attend(&self.live, &manifest);
        {
            let _turn = log.appending.lock().await;
            log.change(|window| follow_manifest(window, &manifest));
            self.adopt(&log).await;
        }
        Ok(log)
    }

    /// Takes a batch if it is the next one; answers the sequence that is then expected.
    /// `acked` is the highest sequence that the agent knows to be durable.
    pub async fn append(&self, log: &LiveLog, batch: Batch, acked: Seq) -> Result<Seq, Error> {
        log.room().await;
        let _turn = log.appending.lock().await;
        let (next, durable, with_tail, closed) =
            log.change(|w| (w.next(), w.durable(), !w.is_without_tail(), w.is_closed()));
        if closed {
            return Err(ManifestError::Closed { last: durable }.into());
        }
        if batch.first() != next {
            return Ok(next);
        }
        if with_tail && !self.append_to_tail(log, durable.max(acked), &batch).await? {
            return Ok(log.tip().borrow().next);
        }
        metrics::counter!("katonic_log_streamer_records_total").increment(batch.records().len() as u64);
        log.change(|window| {
            // Closed, or moved on by what another replica kept while Redis was asked.
            if !window.push(batch, Instant::now()) && window.is_closed() {
                return Err(ManifestError::Closed { last: window.durable() }.into());
            }
            Ok(window.next())
        })
    }

    /// Whether the batch still has to go into the window: not where Redis had more than we.
    async fn append_to_tail(&self, log: &LiveLog, durable: Seq, batch: &Batch) -> Result<bool, Error> {
        match self.tail.append(log.member(), durable, batch).await {
            Ok(Appended::Taken) => return Ok(true),
            Ok(Appended::Expected(expected)) if expected > batch.first() => {
                self.catch_up(log).await?;
                if log.tip().borrow().next > batch.first() {
                    return Ok(false);
                }
            }
            Ok(Appended::Expected(_)) | Err(_) => {}
        }
        metrics::counter!("katonic_log_streamer_without_tail_total").increment(1);
        log.change(|window| window.lose_tail());
        Ok(true)
    }

    /// Learns what another replica took or kept of the same log.
    async fn catch_up(&self, log: &LiveLog) -> Result<(), Error> {
        if let Some(manifest) = self.keeper.manifests().get(log.member()).await? {
            log.change(|window| follow_manifest(window, &manifest));
        }
        self.adopt(log).await;
        Ok(())
    }

    /// Takes what Redis has beyond the window, as far as it joins.
    async fn adopt(&self, log: &LiveLog) {
        let next = log.tip().borrow().next;
        let batches = match self.tail.read(log.member(), next).await {
            Ok(batches) => batches,
            Err(error) => {
                tracing::debug!(member.id = %log.member(), %error, "nothing adopted");
                return;
            }
        };
        log.change(|window| {
            for batch in batches {
                let Some(part) = batch.starting_at(window.next()) else { break };
                window.push(part, Instant::now());
            }
        });
    }
}

fn follow_manifest(window: &mut Window, manifest: &Manifest) {
    window.advance(manifest.durable_seq(), Instant::now());
    if manifest.is_closed() {
        window.close();
    }
}
