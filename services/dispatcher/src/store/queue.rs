//! The queue as the store has it: only the fields that admission asks for, so
//! that ten thousand cost what some hundred whole executions would. And those
//! that others wait for, found by their ids.

use std::collections::BTreeSet;

use katonic_domain::{ExecutionId, Name, ProjectId, Timestamp, UserId};
use katonic_store::{Document, StoreError, doc};
use serde::Deserialize;

use super::Repository;
use crate::domain::{
    dependency::{Awaited, Dependency},
    priority::Priority,
    queue::{Waiting, unless_tried_again},
    spec::Group,
};

/// More than an installation's limit lets in.
const MAX_QUEUE: usize = 200_000;

/// Executions that are looked for in one read.
const AT_ONCE: usize = 500;

const FIELDS: [&str; 10] = [
    "id",
    "project",
    "owner",
    "created_at",
    "retry_at",
    "after",
    "spec.tier.name",
    "spec.tier.max_running",
    "spec.groups",
    "spec.priority",
];

const AWAITED_FIELDS: [&str; 5] = ["id", "project", "number", "archived", "phase"];

#[derive(Deserialize)]
struct View {
    id: ExecutionId,
    project: ProjectId,
    owner: UserId,
    created_at: Timestamp,
    #[serde(default)]
    retry_at: Option<Timestamp>,
    #[serde(default)]
    after: Vec<Dependency>,
    spec: SpecView,
}

#[derive(Deserialize)]
struct SpecView {
    tier: TierView,
    groups: Vec<Group>,
    #[serde(default)]
    priority: Priority,
}

#[derive(Deserialize)]
struct TierView {
    name: Name,
    max_running: u32,
}

impl From<View> for Waiting {
    fn from(view: View) -> Self {
        let View { id, project, owner, created_at, retry_at, after, spec } = view;
        Self {
            id,
            project,
            owner,
            tier: spec.tier.name,
            max_running: spec.tier.max_running,
            members: spec.groups.iter().map(|group| group.size).sum(),
            priority: spec.priority,
            queued_at: created_at,
            rests_until: retry_at,
            after: unless_tried_again(after, retry_at),
        }
    }
}

impl Repository {
    /// All executions that wait for a place.
    pub async fn queue(&self) -> Result<Vec<Waiting>, StoreError> {
        self.waiting(doc! {"state.phase": "QUEUED"}).await
    }

    /// Those of some executions that wait for a place.
    pub async fn queued_of(&self, ids: &[ExecutionId]) -> Result<Vec<Waiting>, StoreError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        self.waiting(doc! {"_id": {"$in": ids}, "state.phase": "QUEUED"}).await
    }

    /// Some executions as those see them that wait for them. Ids that are none's are left out.
    pub async fn awaited(&self, ids: &BTreeSet<ExecutionId>) -> Result<Vec<Awaited>, StoreError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut awaited = Vec::with_capacity(ids.len());
        for part in ids.chunks(AT_ONCE) {
            let filter = doc! {"_id": {"$in": part.to_vec()}};
            awaited.extend(self.executions.view::<Awaited>(filter, &AWAITED_FIELDS, part.len()).await?);
        }
        Ok(awaited)
    }

    async fn waiting(&self, filter: Document) -> Result<Vec<Waiting>, StoreError> {
        let found: Vec<View> = self.executions.view(filter, &FIELDS, MAX_QUEUE).await?;
        Ok(found.into_iter().map(Waiting::from).collect())
    }
}
