//! Making records durable: cutting segments, closing logs (DESIGN L4).
//!
//! ```text
//!   window ──draft──> segment (sealed, synced) ──push, compare-and-set──> manifest ──> ack
//! ```
//!
//! The manifest's compare-and-set is the fence: whoever is refused there drops
//! its segment and goes on from where the log then ends. A crash before it
//! leaves an orphan blob and records that the agent sends again; a crash after
//! it loses only the ack, which the next open answers.

use std::sync::Arc;

use katonic_domain::{Clock, MemberId, Timestamp};
use katonic_service::{Shutdown, runtime::Tasks};
use tokio::time::Instant;

use crate::{
    domain::{Batch, Manifest, Segment, Seq, manifest::ManifestError},
    error::Error,
    segments::{Home, Segments},
    store::Manifests,
    tail::Tail,
    tasks::cutter,
    usecases::{
        live::{LiveLog, LiveLogs},
        tidy::Tidier,
    },
};

/// Makes the records of live logs durable.
#[derive(Clone)]
pub struct Keeper {
    manifests: Manifests,
    segments: Segments,
    tail: Arc<Tail>,
    background: Background,
    clock: Arc<dyn Clock>,
}

/// What goes on beside the calls.
#[derive(Clone)]
pub struct Background {
    /// The service's tasks.
    pub tasks: Tasks,
    /// When they end.
    pub shutdown: Shutdown,
    /// What each live log's task does after a cut.
    pub tidier: Tidier,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

impl Keeper {
    /// Keeps segments, listed by manifests.
    pub fn new(
        manifests: Manifests,
        segments: Segments,
        tail: Arc<Tail>,
        background: Background,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { manifests, segments, tail, background, clock }
    }

    /// What is done to a log beside cutting it.
    pub const fn tidier(&self) -> &Tidier {
        &self.background.tidier
    }

    /// The manifests of all logs.
    pub const fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// The live log of a manifest; the first time, with a task that cuts its segments in time.
    pub(super) fn attend(&self, live: &Arc<LiveLogs>, manifest: &Manifest) -> Arc<LiveLog> {
        let (log, opened) = live.get_or_open(manifest);
        if opened {
            let work = cutter::run(self.clone(), live.clone(), log.clone(), self.background.shutdown.clone());
            self.background.tasks.spawn("cutter", work);
        }
        log
    }

    /// Makes the oldest buffered records durable, up to one segment.
    pub async fn cut(&self, log: &LiveLog) -> Result<(), Error> {
        let _alone = log.cutting.lock().await;
        self.cut_draft(log, log.change(|window| window.draft())).await
    }

    /// Makes everything durable, then closes the log at `last`.
    pub async fn close(&self, log: &LiveLog, last: Seq) -> Result<(), Error> {
        let _turn = log.appending.lock().await;
        let _alone = log.cutting.lock().await;
        loop {
            let (draft, next) = log.change(|window| (window.draft(), window.next()));
            if next.previous() < last {
                return Err(ManifestError::Behind { durable: next.previous() }.into());
            }
            if next.previous() > last {
                return Err(Error::invalid("last_seq", format!("the log has records up to {}", next.previous())));
            }
            if draft.last().is_some_and(|batch| batch.last() != last) {
                self.cut_draft(log, draft).await?;
            } else if self.close_with(log, draft, last).await? {
                return Ok(());
            }
        }
    }

    /// Makes everything durable, then closes the log with an open gap, because
    /// what came after it is lost; answers the gap's sequence. The gap is seen by
    /// nobody before the log is closed.
    pub async fn close_with_gap(&self, log: &LiveLog, now: Timestamp) -> Result<Seq, Error> {
        let _turn = log.appending.lock().await;
        let _alone = log.cutting.lock().await;
        loop {
            let (mut draft, next) = log.change(|window| (window.draft(), window.next()));
            if draft.last().is_some_and(|batch| batch.last().next() != next) {
                self.cut_draft(log, draft).await?;
                continue;
            }
            draft.push(Arc::new(Batch::lost_at(next, now)));
            if self.close_with(log, draft, next).await? {
                return Ok(next);
            }
        }
    }

    /// Whether the log is closed now; if not, somebody else moved its end.
    async fn close_with(&self, log: &LiveLog, draft: Vec<Arc<Batch>>, last: Seq) -> Result<bool, Error> {
        let segment = if draft.is_empty() {
            None
        } else {
            Some(self.segments.write(log.member(), log.project(), &draft, Home::InlineIfSmall).await?)
        };
        let now = self.clock.now();
        let closed = self.manifests.update(log.member(), |manifest| {
            if let Some(segment) = &segment {
                manifest.push(segment.clone())?;
            }
            manifest.close(last, now)
        });
        match closed.await {
            Ok(manifest) => {
                log.change(|window| {
                    window.advance(manifest.durable_seq(), Instant::now());
                    window.close();
                });
                self.forget_tail(log.member()).await;
                Ok(true)
            }
            Err(Error::Manifest(refusal)) => self.refused(log, segment.as_ref(), refusal).await.map(|()| false),
            Err(error) => Err(error),
        }
    }

    async fn cut_draft(&self, log: &LiveLog, draft: Vec<Arc<Batch>>) -> Result<(), Error> {
        if draft.is_empty() {
            return Ok(());
        }
        let segment = self.segments.write(log.member(), log.project(), &draft, Home::Blob).await?;
        match self.manifests.update(log.member(), |manifest| manifest.push(segment.clone())).await {
            Ok(manifest) => {
                metrics::counter!("katonic_log_streamer_segments_total").increment(1);
                log.change(|window| window.advance(manifest.durable_seq(), Instant::now()));
                if let Err(error) = self.tail.trim(log.member(), manifest.durable_seq()).await {
                    tracing::debug!(member.id = %log.member(), %error, "the tail is trimmed later");
                }
                Ok(())
            }
            Err(Error::Manifest(refusal)) => self.refused(log, Some(&segment), refusal).await,
            Err(error) => Err(error),
        }
    }

    /// Somebody else wrote: drops the segment that no manifest lists and takes over where the log ends.
    async fn refused(&self, log: &LiveLog, segment: Option<&Segment>, refusal: ManifestError) -> Result<(), Error> {
        if let Some(segment) = segment {
            self.segments.discard(segment).await;
        }
        match refusal {
            ManifestError::Fenced { durable } => {
                let moved = log.change(|window| {
                    let before = window.durable();
                    window.advance(durable, Instant::now());
                    before < durable
                });
                // A manifest that went back is no other writer's doing: a store was restored.
                if moved { Ok(()) } else { Err(refusal.into()) }
            }
            ManifestError::Closed { last } => {
                log.change(|window| {
                    window.advance(last, Instant::now());
                    window.close();
                });
                Err(refusal.into())
            }
            ManifestError::Behind { .. } => Err(refusal.into()),
        }
    }

    async fn forget_tail(&self, member: &MemberId) {
        if let Err(error) = self.tail.forget(member).await {
            tracing::debug!(member.id = %member, %error, "the tail is left to expire");
        }
    }
}
