//! Searches, for one reader, and says how far behind the answer is.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use katonic_domain::Clock;
use tantivy::{Searcher, TantivyDocument, schema::Value as _};
use tokio::task::spawn_blocking;

use crate::{
    domain::Visible,
    error::Error,
    index::{
        fields::Fields,
        live::{Live, Present},
        query,
        rank::{Best, Match, Order, Rank},
    },
    store::{Feed, Wanted},
    usecases::heads::Heads,
};

/// Values that a facet shows.
const VALUES: usize = 100;

/// What is asked.
#[derive(Debug, Clone, Default, Hash)]
pub struct Question {
    /// Words and conditions.
    pub q: String,
    /// Kinds; none means all.
    pub kinds: Vec<String>,
    /// More conditions, which do not count for relevance.
    pub filter: String,
    /// In which order; `None` means what fits the question.
    pub order: Option<Order>,
}

/// Which part of the answer, and what beside it.
#[derive(Debug, Clone)]
pub struct Page {
    /// How many results.
    pub size: usize,
    /// From an earlier answer; empty is the first page.
    pub token: String,
    /// Of which fields values are counted.
    pub facets: Vec<&'static str>,
}

/// A result.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// `project` or `execution`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its project's id.
    pub project: String,
    /// How well it fits the words.
    pub relevance: f64,
    /// The whole snapshot as JSON.
    pub snapshot: String,
}

/// How far an index is behind the feed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lag {
    /// Events that it does not show yet.
    pub events: u64,
    /// How long ago the oldest of them happened.
    pub age: Option<Duration>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// A page of it.
    pub hits: Vec<Hit>,
    /// How much there is in all.
    pub total: u64,
    /// For each facet how often each value occurs.
    pub facets: Vec<Vec<(String, u64)>>,
    /// Of the next page; empty after the last.
    pub next: String,
    /// How far behind it is.
    pub lag: Lag,
}

/// Searches.
#[derive(Clone)]
pub struct Searching {
    present: Present,
    feed: Feed,
    heads: Heads,
    clock: Arc<dyn Clock>,
}

impl Searching {
    /// Searches the present index.
    pub const fn new(present: Present, feed: Feed, heads: Heads, clock: Arc<dyn Clock>) -> Self {
        Self { present, feed, heads, clock }
    }

    /// Answers a question, of what the reader may see.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong; [`Error::IndexClosed`] right after the start.
    pub async fn search(&self, visible: Visible, question: Question, page: Page) -> Result<Answer, Error> {
        let live = self.present.get().ok_or(Error::IndexClosed)?;
        let lag = self.lag(&live).await?;
        // Parsing too: the longest text takes some milliseconds.
        let searched = spawn_blocking(move || answer(&live, &visible, &question, &page)).await;
        let mut answer = searched.unwrap_or(Err(Error::IndexClosed))?;
        answer.lag = lag;
        Ok(answer)
    }

    async fn lag(&self, live: &Live) -> Result<Lag, Error> {
        let (at, head) = (live.at().n, self.heads.known());
        if head <= at {
            return Ok(Lag::default());
        }
        let window = self.feed.window(at, at + 1, &Wanted::default()).await?;
        let oldest = window.rows.first().map(|row| self.clock.now().duration_since(row.time));
        Ok(Lag { events: head - at, age: oldest.map(|age| age.try_into().unwrap_or_default()) })
    }
}

fn answer(live: &Live, visible: &Visible, question: &Question, page: &Page) -> Result<Answer, Error> {
    let fields = &live.fields;
    let asked = query::compile(fields, "q", &question.q)?;
    let filter = query::compile(fields, "filter", &question.filter)?;
    let mut narrow = vec![filter.query];
    narrow.extend(query::permission(fields, visible));
    if !question.kinds.is_empty() {
        narrow.push(query::of_kinds(fields, &question.kinds));
    }
    let usual = if asked.has_words { Order::relevance() } else { Order::newest() };
    let order = question.order.clone().unwrap_or(usual);
    let token = Token { question: hash(question) };
    let after = token.read(&page.token)?;
    let best = Best { order, after, limit: page.size + 1, facets: page.facets.clone() };
    let (searcher, mut found) = live.search(&query::narrowed(asked.query, narrow), &best)?;
    let more = found.best.len() > page.size;
    found.best.truncate(page.size);
    let next = found.best.last().filter(|_| more).map(|last| token.write(last.rank)).unwrap_or_default();
    found.facets.iter_mut().for_each(|values| values.truncate(VALUES));
    let hits = found.best.iter().map(|found| hit(fields, &searcher, found)).collect::<Result<_, _>>()?;
    Ok(Answer { hits, total: found.total, facets: found.facets, next, lag: Lag::default() })
}

fn hit(fields: &Fields, searcher: &Searcher, found: &Match) -> Result<Hit, Error> {
    let document: TantivyDocument = searcher.doc(found.address)?;
    let text = |field| document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Ok(Hit {
        kind: text(fields.named("kind")),
        id: text(fields.named("id")),
        project: text(fields.named("project")),
        relevance: f64::from(found.score),
        snapshot: text(fields.snapshot),
    })
}

fn hash(question: &Question) -> u64 {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    hasher.finish()
}

/// Page tokens of one question.
struct Token {
    question: u64,
}

impl Token {
    fn write(&self, rank: Rank) -> String {
        format!("s{:x}.{rank}", self.question)
    }

    fn read(&self, token: &str) -> Result<Option<Rank>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let rank = token.strip_prefix(&format!("s{:x}.", self.question)).and_then(|rank| rank.parse().ok());
        rank.map(Some).ok_or_else(|| Error::invalid("page_token", "is not from an earlier answer to this question"))
    }
}
