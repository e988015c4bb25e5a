//! Keeps the index up with the feed, and makes it anew when asked.
//!
//! ```text
//!  feed ──rows──> writer ──────────> present index ──> searches
//!    └───rows──> writer of the next ─┘ once it has caught up
//! ```
//! One task does both in turn, so that a rebuild never competes with what
//! answers. A crash leaves the present index as of its last commit, and what
//! was being built is begun again when somebody asks again.

use std::time::Duration;

use katonic_service::{Shutdown, runtime::chain};
use tantivy::TantivyError;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    error::Error,
    index::{folder::Folder, live::Present, writer::Writer},
    store::{Feed, FeedRow, Wanted},
    usecases::{heads::Heads, rebuild::Rebuilds},
};

/// Commits are no closer than this while less than one of them is to do.
const PACE: Duration = Duration::from_millis(200);
/// Rows of one commit: of mostly small events some megabytes.
const ROWS: usize = 512;
/// Rows of one commit of a rebuild, which nobody waits for: fewer commits, fewer segments.
const ROWS_OF_REBUILD: usize = 2_048;
/// After an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps an index.
pub struct Indexing {
    /// Where it lies.
    pub folder: Folder,
    /// What it is made from.
    pub feed: Feed,
    /// How far that is.
    pub heads: Heads,
    /// Where searches find it.
    pub present: Present,
    /// Who wants it anew.
    pub rebuilds: Rebuilds,
}

impl Indexing {
    /// Keeps it until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        while let Some(ended) = shutdown.run_until_cancelled(self.keep()).await {
            if let Err(error) = ended {
                tracing::warn!(cause = chain(&error), "the index is not kept up");
                metrics::counter!("katonic_search_indexer_index_failures_total").increment(1);
            }
            if shutdown.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }

    async fn keep(&self) -> Result<(), Error> {
        let mut writer = self.open().await?;
        self.present.set(writer.live());
        let mut next: Option<Writer> = None;
        loop {
            let begun = Instant::now();
            if next.is_none() {
                tokio::select! {
                    _ = self.heads.beyond(writer.at().n) => {}
                    () = self.rebuilds.asked() => next = Some(self.another(writer.at().epoch).await?),
                }
            }
            writer = self.advance(writer, ROWS).await?;
            if let Some(building) = next.take() {
                let building = self.advance(building, ROWS_OF_REBUILD).await?;
                if building.at().n < writer.at().n {
                    next = Some(building);
                    continue;
                }
                writer = self.replace(building).await?;
            }
            // A commit costs nearly the same for one row as for hundreds: few of them leave the machine to the jobs.
            if self.heads.known() < writer.at().n + ROWS as u64 {
                sleep_until(begun + PACE).await;
            }
        }
    }

    /// The index that is there, or a new one: the first, one after a damage, or
    /// one for a feed that was begun anew.
    async fn open(&self) -> Result<Writer, Error> {
        let epoch = self.feed.head().await?.epoch;
        if let Some(current) = self.folder.current().map_err(Error::Folder)? {
            match blocking(move || Writer::open(&current, epoch)).await {
                Ok(writer) if writer.at().epoch == epoch => return Ok(writer),
                Ok(_) => tracing::warn!("the feed was begun anew, and so is the index"),
                // Another process uses it: an earlier one of ours that is about to end.
                Err(error @ Error::Index(TantivyError::LockFailure(..))) => return Err(error),
                Err(error) => tracing::error!(cause = chain(&error), "the index is damaged, it is made anew"),
            }
        }
        let writer = self.another(epoch).await?;
        self.choose(&writer).await?;
        Ok(writer)
    }

    async fn another(&self, epoch: u64) -> Result<Writer, Error> {
        let folder = self.folder.next().map_err(Error::Folder)?;
        tracing::info!(folder = %folder.display(), "an index is being built");
        blocking(move || Writer::open(&folder, epoch)).await
    }

    async fn replace(&self, writer: Writer) -> Result<Writer, Error> {
        self.choose(&writer).await?;
        self.present.set(writer.live());
        self.rebuilds.finished();
        tracing::info!(n = writer.at().n, "the index was built anew");
        Ok(writer)
    }

    async fn choose(&self, writer: &Writer) -> Result<(), Error> {
        let (folder, live) = (self.folder.clone(), writer.live());
        blocking(move || folder.choose(&live.folder).map_err(Error::Folder)).await
    }

    /// Applies what comes next, about `most` rows of it.
    async fn advance(&self, mut writer: Writer, most: usize) -> Result<Writer, Error> {
        let (rows, n) = self.read(writer.at().n, most).await?;
        if n == writer.at().n {
            return Ok(writer);
        }
        blocking(move || {
            writer.apply(&rows, n)?;
            Ok(writer)
        })
        .await
    }

    async fn read(&self, from: u64, most: usize) -> Result<(Vec<FeedRow>, u64), Error> {
        let head = self.heads.known();
        let (mut rows, mut n) = (Vec::new(), from);
        while n < head && rows.len() < most {
            let window = self.feed.window(n, head, &Wanted::default()).await?;
            rows.extend(window.rows);
            n = window.up_to;
        }
        Ok((rows, n))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.unwrap_or(Err(Error::IndexClosed))
}
