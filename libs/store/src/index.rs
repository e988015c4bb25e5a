//! Indexes, declared beside the type and created when its collection is opened.

use bson::{Document, doc};
use mongodb::{IndexModel, options::IndexOptions};

/// An index over fields of the state, in ascending order.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    fields: &'static [&'static str],
    unique: bool,
}

impl Index {
    /// An index for looking up.
    pub const fn on(fields: &'static [&'static str]) -> Self {
        Self { fields, unique: false }
    }

    /// An index that also refuses a second document of the same values.
    pub const fn unique(fields: &'static [&'static str]) -> Self {
        Self { fields, unique: true }
    }

    pub(crate) fn model(&self) -> IndexModel {
        let keys: Document = self.fields.iter().map(|field| (format!("state.{field}"), 1.into())).collect();
        IndexModel::builder().keys(keys).options(IndexOptions::builder().unique(self.unique).build()).build()
    }
}

/// One document per Idempotency-Key (DESIGN C4).
pub(crate) fn idempotency() -> IndexModel {
    let present = doc! {"idempotency.digest": {"$exists": true}};
    let options = IndexOptions::builder().unique(true).partial_filter_expression(present).build();
    IndexModel::builder().keys(doc! {"idempotency.digest": 1}).options(options).build()
}

/// What the sweeper walks: only documents that have unpublished events.
pub(crate) fn unpublished() -> IndexModel {
    let present = doc! {"unpublished_since": {"$exists": true}};
    let options = IndexOptions::builder().partial_filter_expression(present).build();
    IndexModel::builder().keys(doc! {"unpublished_since": 1}).options(options).build()
}

/// The events of one aggregate in order.
pub(crate) fn history() -> IndexModel {
    IndexModel::builder().keys(doc! {"aggregate": 1, "sequence": 1}).build()
}
