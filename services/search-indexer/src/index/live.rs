//! The index as it answers: cheap to share, replaced as a whole by a rebuild.

use std::{path::PathBuf, sync::Arc};

use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, query::Query};
use tokio::sync::watch;

use super::{
    fields::Fields,
    rank::{Best, Found},
};
use crate::domain::Cursor;

/// What can be searched.
pub struct Live {
    /// Its folder.
    pub folder: PathBuf,
    /// Its fields.
    pub fields: Fields,
    reader: IndexReader,
    at: watch::Sender<Cursor>,
}

impl Live {
    pub(super) fn open(index: &Index, fields: Fields, folder: PathBuf, at: Cursor) -> tantivy::Result<Self> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { folder, fields, reader, at: watch::Sender::new(at) })
    }

    /// Shows what was committed up to a place of the feed.
    pub(super) fn show(&self, at: Cursor) -> tantivy::Result<()> {
        self.reader.reload()?;
        self.at.send_replace(at);
        Ok(())
    }

    /// Up to which place of the feed it shows.
    pub fn at(&self) -> Cursor {
        *self.at.borrow()
    }

    /// Waits until it shows the feed up to `n`.
    pub async fn reaches(&self, n: u64) {
        // Never an error: the sender is ours.
        let mut shown = self.at.subscribe();
        let _reached = shown.wait_for(|at| at.n >= n).await;
    }

    /// Searches as it is now. Blocks for some milliseconds.
    pub fn search(&self, query: &dyn Query, best: &Best) -> tantivy::Result<(Searcher, Found)> {
        let searcher = self.reader.searcher();
        let found = searcher.search(query, best)?;
        Ok((searcher, found))
    }
}

/// Where the present index is found; none until it is open.
#[derive(Clone, Default)]
pub struct Present(watch::Sender<Option<Arc<Live>>>);

impl Present {
    /// The present index.
    pub fn get(&self) -> Option<Arc<Live>> {
        self.0.borrow().clone()
    }

    /// Replaces it; searches under way end with the one they began with.
    pub fn set(&self, live: Arc<Live>) {
        self.0.send_replace(Some(live));
    }

    /// Waits until there is one.
    pub async fn opened(&self) -> Option<Arc<Live>> {
        let mut present = self.0.subscribe();
        let opened = present.wait_for(Option::is_some).await.ok();
        opened.and_then(|live| live.clone())
    }
}
