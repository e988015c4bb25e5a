//! Answers what is, from the store and from what the backend shows.

use std::sync::Arc;

use katonic_domain::{ProjectId, Tags};
use katonic_store::{HistoryEntry, Page, Stored, Version};

use crate::{
    backend::Backend,
    domain::{
        admission::{Usage, Waiting, queue_place},
        execution::Execution,
        explain::{Explanation, Facts, explain},
        member::Member,
        phase::Phase,
    },
    error::Error,
    reconcile::plan::Presence,
    store::Repository,
};

/// Reads executions.
#[derive(Clone)]
pub struct Reads {
    repository: Repository,
    backend: Arc<dyn Backend>,
}

impl Reads {
    /// Over what is kept and observed.
    pub fn new(repository: Repository, backend: Arc<dyn Backend>) -> Self {
        Self { repository, backend }
    }

    /// The members of an execution's newest attempt: readers merge what these reported.
    pub async fn current_members(&self, execution: &Execution) -> Result<Vec<Member>, Error> {
        let Some(attempt) = execution.attempt() else { return Ok(Vec::new()) };
        let mut members = self.repository.members_of(execution.id).await?;
        members.retain(|member| member.id.attempt == attempt.number);
        Ok(members)
    }

    /// A page of a project's executions that have all of these tags, newest first.
    pub async fn page(
        &self,
        project: ProjectId,
        tags: &Tags,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Execution>>, Error> {
        Ok(self.repository.page(project, tags, below, size).await?)
    }

    /// The project's execution of that number, as a page of at most one.
    pub async fn numbered(&self, project: ProjectId, number: u64) -> Result<Page<Stored<Execution>>, Error> {
        let mut page = self.repository.page(project, &Tags::default(), number.checked_add(1), 1).await?;
        page.items.retain(|stored| stored.state.number.0 == number);
        page.next = None;
        Ok(page)
    }

    /// Events after a version, oldest first.
    pub async fn events(
        &self,
        execution: &Execution,
        after: Version,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, Error> {
        Ok(self.repository.executions().history(&execution.id, after, limit).await?)
    }

    /// Why an execution is where it is.
    pub async fn explain(&self, execution: &Execution) -> Result<Explanation, Error> {
        let members = self.current_members(execution).await?;
        let mut usage = Usage::default();
        for member in self.repository.holding().await? {
            usage.add(&member.tier, member.uid);
        }
        let place = self.queue_place(execution).await?;
        let backend = self.observed(&members).await;
        let facts = Facts { execution, members: &members, queue_place: place, usage: &usage, backend: &backend };
        Ok(explain(&facts))
    }

    /// From the store, not from the admission leader's memory: it knows at once
    /// and at every replica.
    async fn queue_place(&self, execution: &Execution) -> Result<u32, Error> {
        if execution.phase != Phase::Queued {
            return Ok(0);
        }
        let queue: Vec<Waiting> = self.repository.queue().await?.iter().map(Waiting::from).collect();
        Ok(queue_place(&queue, execution.id))
    }

    async fn observed(&self, members: &[Member]) -> Vec<(String, String)> {
        let mut observed = Vec::new();
        for member in members.iter().filter(|member| member.holding) {
            let seen = match self.backend.observe(&member.id).await {
                Ok(Presence::Absent) => "not there",
                Ok(Presence::Alive) => "its shim lives",
                Ok(Presence::Exited) => "ended, with an exit record",
                Ok(Presence::Dead) => "its shim is gone, without an exit record",
                Err(_) => "cannot be observed",
            };
            observed.push((format!("member {}/{}", member.id.role, member.id.index), seen.to_owned()));
        }
        if !observed.is_empty() {
            observed.extend(self.backend.remarks());
        }
        observed
    }
}
