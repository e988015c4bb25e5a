//! What a change did, as an update that touches nothing else: `$set` and
//! `$unset` of exactly the top-level fields of `T` that differ (DESIGN W1).

use bson::{Bson, Document};
use serde::Serialize;

use crate::error::StoreError;

/// The fields of the state that differ.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Diff {
    pub set: Document,
    pub unset: Document,
}

impl Diff {
    pub fn between<T: Serialize>(before: &T, after: &T) -> Result<Self, StoreError> {
        let before = bson::serialize_to_document(before).map_err(StoreError::Encode)?;
        let after = bson::serialize_to_document(after).map_err(StoreError::Encode)?;
        let mut diff = Self::default();
        for (field, value) in &after {
            if before.get(field) != Some(value) {
                diff.set.insert(format!("state.{field}"), value.clone());
            }
        }
        for field in before.keys().filter(|field| !after.contains_key(field)) {
            diff.unset.insert(format!("state.{field}"), "");
        }
        Ok(diff)
    }

    /// The update, with further fields to set.
    pub fn into_update(self, bookkeeping: Document) -> Document {
        let mut set = self.set;
        set.extend(bookkeeping);
        let mut update = Document::new();
        update.insert("$set", set);
        if !self.unset.is_empty() {
            update.insert("$unset", self.unset);
        }
        update.insert("$currentDate", Document::from_iter([("changed_at".to_owned(), Bson::Boolean(true))]));
        update
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[derive(Serialize)]
    struct Thing {
        kept: u32,
        changed: Vec<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gone: Option<u32>,
    }

    #[test]
    fn only_what_differs_is_written() {
        let before = Thing { kept: 1, changed: vec![1], gone: Some(1) };
        let after = Thing { kept: 1, changed: vec![1, 2], gone: None };
        let diff = Diff::between(&before, &after).expect("both encode");
        assert_eq!(diff, Diff { set: doc! {"state.changed": [1_i64, 2_i64]}, unset: doc! {"state.gone": ""} });
        let update = diff.into_update(doc! {"writes": 2_i64});
        assert_eq!(update.get_document("$set").map(Document::len).ok(), Some(2));
    }
}
