//! Lists whose cost is a page's, whatever the history (DESIGN W4).
//!
//! The store materialises every match before it limits, so a list never asks
//! for "the newest 50": it walks windows of a dense number downwards, each a
//! bounded range of an index, and stops after a bounded scan. A page may
//! therefore be short and still have a `next`.

use bson::{Document, doc};
use serde::{Serialize, de::DeserializeOwned};

use crate::{collection::number, error::StoreError, table::Table};

/// How many windows one page may look at.
const MAX_WINDOWS: usize = 8;

/// A downward walk over a dense number.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What all windows share: the fields that stand before the number in the index.
    pub within: Document,
    /// The numbered field of the state, such as `number`.
    pub key: &'static str,
    /// Only numbers below this; the last number taken plus one for the first page.
    pub below: u64,
    /// How many items make a full page.
    pub size: usize,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<S> {
    /// The items, newest first.
    pub items: Vec<S>,
    /// Where the next page begins: its `below`. `None` after the last page.
    pub next: Option<u64>,
}

impl Walk {
    pub(crate) async fn collect<R, S>(
        self,
        table: &Table<R>,
        item: impl Fn(R) -> S,
        number_of: impl Fn(&S) -> u64,
    ) -> Result<Page<S>, StoreError>
    where
        R: Serialize + DeserializeOwned + Send + Sync,
    {
        let mut items = Vec::new();
        let mut below = self.below;
        for _ in 0..MAX_WINDOWS {
            if below <= 1 || items.len() >= self.size {
                break;
            }
            let from = below.saturating_sub(self.size as u64).max(1);
            let rows = table.find(None, self.window(from, below), self.descending(), self.size).await?;
            items.extend(rows.into_iter().map(&item));
            below = from;
        }
        if items.len() > self.size {
            items.truncate(self.size);
            below = items.last().map_or(below, number_of);
        }
        Ok(Page { items, next: (below > 1).then_some(below) })
    }

    fn window(&self, from: u64, below: u64) -> Document {
        let mut filter = self.within.clone();
        filter.insert(format!("state.{}", self.key), doc! {"$gte": number(from), "$lt": number(below)});
        filter
    }

    fn descending(&self) -> Document {
        Document::from_iter([(format!("state.{}", self.key), (-1).into())])
    }
}
