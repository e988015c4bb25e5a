//! What a scope may run and queue at once, as administrators set it.

use katonic_domain::{Limit, LimitId, LimitScope, ProjectId, Timestamp};
use katonic_store::{Aggregate, Fact, Index, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot;

/// It was set.
pub const CHANGED: Fact = Fact("changed");

/// What is set at the first start: so much that nobody meets it who works as usual, and so little that the queue
/// of an installation fits the memory of what admits it.
pub const FIRST: [(LimitScope, Limit); 3] = [
    (LimitScope::Installation, queued(50_000)),
    (LimitScope::Users, queued(10_000)),
    (LimitScope::Projects, queued(10_000)),
];

const fn queued(count: u32) -> Limit {
    Limit { running: None, queued: Some(count) }
}

/// What one scope may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeLimit {
    /// Which.
    pub id: LimitId,
    /// Dense: lists walk it.
    pub number: u64,
    /// Whose; unique.
    pub scope: LimitScope,
    /// What.
    pub limit: Limit,
    /// Rises with every change.
    pub generation: u64,
    /// Since when it is so.
    pub changed_at: Timestamp,
}

impl ScopeLimit {
    /// A new one.
    pub fn made(number: u64, scope: LimitScope, limit: Limit, now: Timestamp) -> Self {
        Self { id: LimitId::generate(), number, scope, limit, generation: 1, changed_at: now }
    }

    /// Sets it. Answers whether that was news.
    pub fn set(&mut self, limit: Limit, now: Timestamp) -> bool {
        if self.limit == limit {
            return false;
        }
        self.limit = limit;
        self.generation += 1;
        self.changed_at = now;
        true
    }

    /// What names the generation that a reader has seen.
    pub fn etag(&self) -> String {
        self.generation.to_string()
    }
}

impl Aggregate for ScopeLimit {
    type Id = LimitId;

    const COLLECTION: &'static str = "limits";
    const ENTITY: &'static str = "limit";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["scope"]), Index::on(&["number"])];

    fn id(&self) -> LimitId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }

    fn snapshot(&self, _: Version) -> Value {
        katonic_proto::json::to_value(&snapshot::limit(self))
    }
}
