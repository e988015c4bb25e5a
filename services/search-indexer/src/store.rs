//! What the feed is kept in: a row an event, a row an aggregate with its last
//! place, and one head.
//!
//! Rows are written by the lease holder only, in one transaction with the head,
//! so that `n` is dense: what a reader has read up to never changes.

use std::collections::HashMap;

use katonic_domain::{ProjectId, Timestamp, UserId};
use katonic_store::{Epoch, Index, Lease, Record, Records, Store, StoreError, doc};
use serde::{Deserialize, Serialize};

use crate::domain::{Cursor, FeedEvent, Place, event::entity};

const HEAD: &str = "head";
const LEASE: &str = "feed";

/// An event in the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedRow {
    /// The event's id.
    pub id: String,
    /// Its place in the feed: 1, 2, 3 …
    pub n: u64,
    /// The aggregate's id.
    pub subject: String,
    /// `io.katonic.<entity>.<fact>.v1`.
    pub event_type: String,
    /// The project that it belongs to, if any.
    pub project: Option<ProjectId>,
    /// The user whom it concerns, if that is one user's business.
    pub user: Option<UserId>,
    /// When it happened.
    pub time: Timestamp,
    /// The whole `CloudEvent` as JSON text.
    pub body: String,
}

impl FeedRow {
    fn new(n: u64, event: &FeedEvent) -> Self {
        Self {
            id: event.envelope.id.clone(),
            n,
            subject: event.envelope.subject.clone(),
            event_type: event.envelope.event_type.clone(),
            project: event.project,
            user: event.user,
            time: event.envelope.time.parse().unwrap_or_default(),
            body: serde_json::to_string(&event.envelope).expect("strings and a JSON value are JSON"),
        }
    }

    /// The noun of its type.
    pub fn entity(&self) -> &str {
        entity(&self.event_type)
    }
}

impl Record for FeedRow {
    type Id = String;

    const COLLECTION: &'static str = "feed";
    const ENTITY: &'static str = "event";
    const INDEXES: &'static [Index] = &[Index::unique(&["n"])];

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// The last place of an aggregate that is in the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Subject {
    id: String,
    place: Place,
}

impl Record for Subject {
    type Id = String;

    const COLLECTION: &'static str = "subjects";
    const ENTITY: &'static str = "subject";

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// How far the feed is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    id: String,
    epoch: u64,
    n: u64,
}

impl Record for Head {
    type Id = String;

    const COLLECTION: &'static str = "heads";
    const ENTITY: &'static str = "head";

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// Which rows a reader wants; the rest is judged by the reader.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Only of this aggregate.
    pub subject: Option<String>,
}

/// A part of the feed.
#[derive(Debug, Clone)]
pub struct Window {
    /// What is wanted of it, in order.
    pub rows: Vec<FeedRow>,
    /// Up to which `n` it reaches.
    pub up_to: u64,
}

/// The feed's collections. Clones share them.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    rows: Records<FeedRow>,
    subjects: Records<Subject>,
    heads: Records<Head>,
    lease: Lease,
}

/// A window has at most so many rows: 128 of at most 64 KiB are 8 MiB.
const ROWS: usize = 128;
/// How many `n` a window covers where most rows are not wanted: the store looks
/// at as many index entries, some milliseconds.
const SPAN: u64 = 4_096;

impl Feed {
    /// Opens the collections; makes the head where there is none.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn open(store: Store, now: Timestamp) -> Result<Self, StoreError> {
        let (rows, subjects, heads) = (store.records().await?, store.records().await?, store.records().await?);
        let lease = store.lease(LEASE);
        let feed = Self { store, rows, subjects, heads, lease };
        // A feed that is begun anew takes no cursor of an earlier one.
        let first = Head { id: HEAD.to_owned(), epoch: now.as_second().unsigned_abs(), n: 0 };
        match feed.heads.insert(first, None).await {
            Ok(_) | Err(StoreError::Duplicate { .. }) => Ok(feed),
            Err(error) => Err(error),
        }
    }

    /// Who holds it writes.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The last place.
    pub async fn head(&self) -> Result<Cursor, StoreError> {
        let head = self.heads.get(&HEAD.to_owned()).await?;
        let none = || StoreError::NotFound { entity: "head", id: HEAD.to_owned() };
        head.map(|head| Cursor { epoch: head.epoch, n: head.n }).ok_or_else(none)
    }

    /// The last places of aggregates that the feed knows.
    pub async fn places(&self, subjects: impl Iterator<Item = &str>) -> Result<HashMap<String, Place>, StoreError> {
        let ids: Vec<&str> = subjects.collect();
        let limit = ids.len();
        let found = self.subjects.find(doc! {"_id": {"$in": ids}}, doc! {}, limit).await?;
        Ok(found.into_iter().map(|subject| (subject.id, subject.place)).collect())
    }

    /// Appends events that are new and in order, if the lease is still at `epoch`; answers the new head.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::Duplicate`] where one is there already.
    pub async fn append(&self, epoch: Epoch, events: Vec<FeedEvent>) -> Result<Cursor, StoreError> {
        let feed = self.clone();
        self.store
            .transaction(async move |tx| {
                tx.fence(&feed.lease, epoch).await?;
                let added = events.len() as u64;
                let id = HEAD.to_owned();
                let counted = |head: &mut Head| {
                    head.n += added;
                    Ok::<_, StoreError>(())
                };
                let head = tx.update_record(&feed.heads, &id, counted).await?;
                let first = head.n - added + 1;
                let rows = (first..).zip(&events).map(|(n, event)| FeedRow::new(n, event)).collect();
                tx.insert_records(&feed.rows, rows).await?;
                tx.put_records(&feed.subjects, last_places(&events)).await?;
                Ok(Cursor { epoch: head.epoch, n: head.n })
            })
            .await
    }

    /// What is wanted of the rows after `n`, not beyond `head`.
    pub async fn window(&self, n: u64, head: u64, wanted: &Wanted) -> Result<Window, StoreError> {
        let narrow = wanted.project.is_some() || wanted.subject.is_some();
        let span = if narrow { SPAN } else { ROWS as u64 };
        let up_to = head.min(n.saturating_add(span));
        let mut filter = doc! {"state.n": {"$gt": number(n), "$lte": number(up_to)}};
        if let Some(project) = wanted.project {
            filter.insert("state.project", project.to_string());
        }
        if let Some(subject) = &wanted.subject {
            filter.insert("state.subject", subject);
        }
        let rows = self.rows.find(filter, doc! {"state.n": 1}, ROWS).await?;
        let up_to = rows.last().filter(|_| rows.len() == ROWS).map_or(up_to, |row| row.n);
        Ok(Window { rows, up_to })
    }
}

fn last_places(events: &[FeedEvent]) -> Vec<Subject> {
    let mut last: HashMap<&str, Place> = HashMap::new();
    for event in events {
        last.insert(event.subject(), event.place);
    }
    last.into_iter().map(|(id, place)| Subject { id: id.to_owned(), place }).collect()
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
