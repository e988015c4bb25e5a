//! Keeping logs small to write and their folders free of what no manifest
//! lists (DESIGN L4): merging the oldest segments of a long log, deleting what
//! a merge replaced, and sweeping the folder of a closed log once.
//!
//! Every step may be repeated, and a crash between two of them leaves nothing
//! but blobs that a later one deletes: a merged segment counts once its
//! manifest lists it, and a folder is swept only when no writer can add to it.

use std::sync::Arc;

use katonic_domain::{Clock, MemberId};

use crate::{
    domain::{Manifest, manifest::ManifestError},
    error::Error,
    segments::Segments,
    store::Manifests,
};

/// Merges and sweeps.
#[derive(Clone)]
pub struct Tidier {
    manifests: Manifests,
    segments: Segments,
    clock: Arc<dyn Clock>,
}

impl Tidier {
    /// Tidies what these hold.
    pub fn new(manifests: Manifests, segments: Segments, clock: Arc<dyn Clock>) -> Self {
        Self { manifests, segments, clock }
    }

    /// Merges the oldest segments of an open log where it has many, and deletes what is retired.
    pub async fn open_log(&self, member: &MemberId) -> Result<(), Error> {
        let Some(manifest) = self.manifests.get(member).await? else { return Ok(()) };
        self.merge(&manifest).await?;
        let deletable = manifest.deletable(self.clock.now());
        if deletable.is_empty() {
            return Ok(());
        }
        for path in &deletable {
            self.segments.delete(path).await?;
        }
        let forget = |manifest: &mut Manifest| {
            manifest.forget(&deletable);
            Ok(())
        };
        self.manifests.update(member, forget).await.map(drop)
    }

    async fn merge(&self, manifest: &Manifest) -> Result<(), Error> {
        let run = manifest.mergeable();
        if run.is_empty() {
            return Ok(());
        }
        let merged = self.segments.merge(manifest.member(), manifest.project(), run).await?;
        let now = self.clock.now();
        match self.manifests.update(manifest.member(), |manifest| manifest.merge(merged.clone(), now)).await {
            Ok(_) => {
                metrics::counter!("katonic_log_streamer_merges_total").increment(1);
                Ok(())
            }
            // Merged by another replica, or closed meanwhile.
            Err(Error::Manifest(ManifestError::Fenced { .. } | ManifestError::Closed { .. })) => {
                self.segments.discard(&merged).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sweeps the folders of closed logs that are due. Answers how many were.
    pub async fn closed_logs(&self) -> Result<usize, Error> {
        let due = self.manifests.to_sweep(self.clock.now()).await?;
        for manifest in &due {
            self.sweep(manifest).await?;
        }
        Ok(due.len())
    }

    async fn sweep(&self, manifest: &Manifest) -> Result<(), Error> {
        let found = self.segments.of_log(manifest.member(), manifest.project()).await?;
        let unlisted = found.iter().filter(|path| !manifest.lists(path));
        for path in unlisted {
            self.segments.delete(path).await?;
            metrics::counter!("katonic_log_streamer_swept_blobs_total").increment(1);
        }
        let swept = |manifest: &mut Manifest| {
            manifest.swept();
            Ok(())
        };
        self.manifests.update(manifest.member(), swept).await.map(drop)
    }
}
