//! Follows the feed: what came after a cursor, then what comes.
//!
//! It reads a window, hands it out and reads the next one once that was taken,
//! so a slow reader costs one window and never more. What a reader may see is
//! asked with every window.

use async_stream::try_stream;
use futures::Stream;
use katonic_domain::ProjectId;

use crate::{
    domain::{Cursor, Visible},
    error::Error,
    store::{Feed, FeedRow, Wanted},
    usecases::heads::Heads,
};

/// How many types a reader may name.
const MOST_TYPES: usize = 32;
/// Longer than any type there is.
const LONGEST_TYPE: usize = 128;

/// Which events a reader wants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    wanted: Wanted,
    types: Vec<String>,
}

impl Filter {
    /// Takes what was asked for.
    ///
    /// # Errors
    /// [`Error::Invalid`] for too many or too long types.
    pub fn new(project: Option<ProjectId>, types: Vec<String>, subject: String) -> Result<Self, Error> {
        if types.len() > MOST_TYPES {
            return Err(Error::invalid("types", format!("at most {MOST_TYPES} can be named")));
        }
        let is_type = |name: &String| {
            let name = name.strip_suffix('*').unwrap_or(name);
            name.len() <= LONGEST_TYPE && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
        };
        if !types.iter().all(is_type) {
            return Err(Error::invalid("types", "a type is such as `io.katonic.execution.finished.v1`"));
        }
        let subject = Some(subject).filter(|subject| !subject.is_empty());
        Ok(Self { wanted: Wanted { project, subject }, types })
    }

    /// The only project that is wanted, if one was named.
    pub const fn project(&self) -> Option<ProjectId> {
        self.wanted.project
    }

    fn takes(&self, event_type: &str) -> bool {
        let named = |name: &String| match name.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => name == event_type,
        };
        self.types.is_empty() || self.types.iter().any(named)
    }
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    Now,
    /// With the first event.
    First,
    /// After a cursor.
    After(Cursor),
}

/// A step of a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where to go on after it.
    pub cursor: Cursor,
    /// What happened; `None` where only the cursor moved.
    pub event: Option<FeedRow>,
}

/// Lets the feed be followed.
#[derive(Clone)]
pub struct Follower {
    feed: Feed,
    heads: Heads,
}

impl Follower {
    /// Follows `feed`.
    pub const fn new(feed: Feed, heads: Heads) -> Self {
        Self { feed, heads }
    }

    /// Where a reader begins.
    ///
    /// # Errors
    /// [`Error::CursorGone`]; [`Error::Invalid`] for a place that is not yet.
    pub async fn start(&self, start: Start) -> Result<Cursor, Error> {
        let head = self.feed.head().await?;
        self.heads.tell(head.n);
        match start {
            Start::Now => Ok(head),
            Start::First => Ok(Cursor { n: 0, ..head }),
            Start::After(cursor) if cursor.epoch != head.epoch => Err(Error::CursorGone),
            Start::After(cursor) if cursor.n > head.n => Err(Error::invalid("cursor", "is of no place yet")),
            Start::After(cursor) => Ok(cursor),
        }
    }

    /// Follows for ever; `visible` answers what the reader may see now.
    pub fn follow<V, F>(self, start: Cursor, filter: Filter, visible: V) -> impl Stream<Item = Result<Step, Error>>
    where
        V: Fn() -> F,
        F: Future<Output = Result<Visible, Error>>,
    {
        try_stream! {
            let mut at = start;
            yield Step { cursor: at, event: None };
            loop {
                let head = self.heads.beyond(at.n).await;
                let window = self.feed.window(at.n, head, &filter.wanted).await?;
                let may_see = visible().await?;
                let mut shown = at.n;
                for row in window.rows {
                    let seen = may_see.shows(row.entity(), row.project, row.user);
                    if seen && filter.takes(&row.event_type) {
                        shown = row.n;
                        yield Step { cursor: Cursor { n: row.n, ..at }, event: Some(row) };
                    }
                }
                at.n = window.up_to;
                if shown < at.n {
                    yield Step { cursor: at, event: None };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_whole_or_by_their_beginning() {
        let filter = |types: &[&str]| Filter::new(None, types.iter().map(|t| (*t).to_owned()).collect(), String::new());
        let some = filter(&["io.katonic.execution.*", "io.katonic.project.created.v1"]).expect("types");
        for (event_type, taken) in [
            ("io.katonic.execution.queued.v1", true),
            ("io.katonic.project.created.v1", true),
            ("io.katonic.project.pushed.v1", false),
        ] {
            assert_eq!(some.takes(event_type), taken, "{event_type}");
        }
        assert!(filter(&[]).expect("none").takes("anything"));
        for bad in ["a b", "a*b", "{", "ü"] {
            assert!(filter(&[bad]).is_err(), "{bad}");
        }
        assert!(filter(&["a"; 33]).is_err());
    }
}
