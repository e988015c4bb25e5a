//! Applies rows of the feed to an index, in their order. A commit carries the
//! place that it reaches: after a crash the next writer goes on from there.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use tantivy::{Index, IndexWriter, Term, directory::MmapDirectory, schema::Field};

use super::{
    document::{Change, change},
    fields::Fields,
    live::Live,
};
use crate::{domain::Cursor, error::Error, store::FeedRow};

/// Memory of the one indexing thread: some 10,000 small documents.
const MEMORY: usize = 32 << 20;

/// The only writer of an index.
pub struct Writer {
    writer: IndexWriter,
    fields: Fields,
    id: Field,
    live: Arc<Live>,
    at: Cursor,
}

impl Writer {
    /// Opens the index of a folder, or makes one that begins with the feed `epoch`.
    ///
    /// # Errors
    /// The folder's, or an index that is damaged or of another format.
    pub fn open(folder: &Path, epoch: u64) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::Folder)?;
        let fields = Fields::default();
        let directory = MmapDirectory::open(folder).map_err(|error| Error::Index(error.into()))?;
        let index = Index::open_or_create(directory, fields.schema().clone())?;
        let payload = index.load_metas()?.payload;
        let at = payload.and_then(|text| text.parse().ok()).unwrap_or(Cursor { epoch, n: 0 });
        let writer = index.writer_with_num_threads(1, MEMORY)?;
        let live = Arc::new(Live::open(&index, fields.clone(), folder.to_owned(), at)?);
        Ok(Self { writer, id: fields.named("id"), fields, live, at })
    }

    /// What shows what is written.
    pub fn live(&self) -> Arc<Live> {
        self.live.clone()
    }

    /// Up to which place of the feed it has come.
    pub const fn at(&self) -> Cursor {
        self.at
    }

    /// Applies rows that follow in the feed and reach up to `n`. Blocks.
    ///
    /// # Errors
    /// The index': nothing of it is shown then, and nothing is lost.
    pub fn apply(&mut self, rows: &[FeedRow], n: u64) -> Result<(), Error> {
        for row in newest(rows).into_values() {
            self.put(row)?;
        }
        let at = Cursor { n, ..self.at };
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&at.to_string());
        commit.commit()?;
        self.at = at;
        Ok(self.live.show(at)?)
    }

    fn put(&self, row: &FeedRow) -> Result<(), Error> {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(&row.body) else {
            // One that cannot be read must not keep all later ones from being found.
            tracing::error!(event.id = %row.id, "an event of the feed cannot be read, it is not indexed");
            return Ok(());
        };
        let this = Term::from_field_text(self.id, &row.subject);
        match change(&row.event_type, &row.subject, &event["data"]) {
            Change::Nothing => {}
            Change::Remove => {
                self.writer.delete_term(this);
            }
            Change::Put(item) => {
                self.writer.delete_term(this);
                self.writer.add_document(item.document(&self.fields))?;
            }
        }
        Ok(())
    }
}

/// Only the last row of each aggregate matters.
fn newest(rows: &[FeedRow]) -> HashMap<&str, &FeedRow> {
    rows.iter().map(|row| (row.subject.as_str(), row)).collect()
}
