//! The queue as the store has it: only the fields that admission asks for, so
//! that ten thousand cost what some hundred whole executions would.

use katonic_domain::{ExecutionId, Name, ProjectId, Timestamp, UserId};
use katonic_store::{Document, StoreError, doc};
use serde::Deserialize;

use super::Repository;
use crate::domain::{priority::Priority, queue::Waiting, spec::Group};

/// More than an installation's limit lets in.
const MAX_QUEUE: usize = 200_000;

const FIELDS: [&str; 9] = [
    "id",
    "project",
    "owner",
    "created_at",
    "retry_at",
    "spec.tier.name",
    "spec.tier.max_running",
    "spec.groups",
    "spec.priority",
];

#[derive(Deserialize)]
struct View {
    id: ExecutionId,
    project: ProjectId,
    owner: UserId,
    created_at: Timestamp,
    #[serde(default)]
    retry_at: Option<Timestamp>,
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
        let View { id, project, owner, created_at, retry_at, spec } = view;
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

    async fn waiting(&self, filter: Document) -> Result<Vec<Waiting>, StoreError> {
        let found: Vec<View> = self.executions.view(filter, &FIELDS, MAX_QUEUE).await?;
        Ok(found.into_iter().map(Waiting::from).collect())
    }
}
