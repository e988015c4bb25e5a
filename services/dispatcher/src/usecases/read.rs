//! Answers what is, from the store and from what the backend shows.

use std::sync::Arc;

use katonic_domain::{Clock, ExecutionId, ProjectId};
use katonic_service::Shutdown;
use katonic_store::{COMMAND_BOUND, HistoryEntry, Page, Stored, Version};

use crate::{
    backend::Backend,
    domain::{
        admission::State,
        consumption::Consumption,
        dependency::{self, Dependency, Open},
        execution::Execution,
        explain::{Explanation, Facts, explain},
        limits::Limits,
        member::Member,
        metered::Metered,
        phase::Phase,
        queue::Waiting,
        series::Series,
        standing::Standing,
        usage::Usage,
        wait::{self, Situation, Wait},
    },
    error::Error,
    policies::Policies,
    reconcile::plan::Presence,
    store::{Listed, Repository},
    waiting::WaitingRoom,
};

/// Reads executions.
#[derive(Clone)]
pub struct Reads {
    /// What is kept.
    pub repository: Repository,
    /// Who waits.
    pub waiting: WaitingRoom,
    /// What may be.
    pub policies: Policies,
    /// What is observed.
    pub backend: Arc<dyn Backend>,
    /// Cancelled when this platform goes down.
    pub stopping: Shutdown,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What was used.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// By all attempts so far; none where user code never started.
    pub in_all: Option<Consumption>,
    /// By the members of one of them, as far as they said something.
    pub members: Vec<Metered>,
}

impl Reads {
    /// The members of an execution's newest attempt: readers merge what these reported.
    pub async fn current_members(&self, execution: &Execution) -> Result<Vec<Member>, Error> {
        let Some(attempt) = execution.attempt() else { return Ok(Vec::new()) };
        let mut members = self.repository.members_of(execution.id).await?;
        members.retain(|member| member.id.attempt == attempt.number);
        Ok(members)
    }

    /// A page of a project's executions, newest first.
    pub async fn page(
        &self,
        project: ProjectId,
        listed: &Listed,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Execution>>, Error> {
        Ok(self.repository.page(project, Some(listed), below, size).await?)
    }

    /// The project's execution of that number, as a page of at most one.
    pub async fn numbered(&self, project: ProjectId, number: u64) -> Result<Page<Stored<Execution>>, Error> {
        let mut page = self.repository.page(project, None, number.checked_add(1), 1).await?;
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

    /// What an execution logged of the metrics of these names; of all where none is named.
    pub async fn series(&self, id: ExecutionId, names: &[String]) -> Result<Vec<Series>, Error> {
        let mut series = self.repository.series(id).await?;
        series.retain(|one| names.is_empty() || names.contains(&one.name));
        Ok(series)
    }

    /// What an execution has used so far, and the members of an attempt of it: 0 means the newest. None where
    /// there was no such attempt.
    pub async fn usage(&self, execution: &Execution, attempt: u32) -> Result<Option<Used>, Error> {
        let newest = execution.attempt().map_or(0, |newest| newest.number);
        if attempt > newest {
            return Ok(None);
        }
        let metered = self.repository.metered_of(execution.id, newest).await?;
        let in_all = execution.used_by(self.clock.now(), &metered);
        let shown = attempt == 0 || attempt == newest;
        let members = if shown { metered } else { self.repository.metered_of(execution.id, attempt).await? };
        Ok(Some(Used { in_all, members }))
    }

    /// Why an execution is where it is.
    pub async fn explain(&self, stored: &Stored<Execution>) -> Result<Explanation, Error> {
        let execution = &stored.state;
        let members = self.current_members(execution).await?;
        let usage = Usage::of_members(&self.repository.holding().await?);
        let limits = self.policies.limits().await?;
        let backend = self.observed(&members).await;
        let open = self.open_dependencies(execution).await?;
        let wait = (execution.phase == Phase::Queued).then(|| self.wait(stored, &open, &usage, &limits));
        let (members, backend) = (&members[..], &backend[..]);
        Ok(explain(&Facts { execution, members, wait, open: &open, usage: &usage, limits: &limits, backend }))
    }

    async fn open_dependencies(&self, execution: &Execution) -> Result<Vec<Open>, Error> {
        let waits = execution.phase == Phase::Queued;
        let after = if waits { Waiting::from(execution).after } else { Vec::new() };
        let awaited = self.repository.awaited(&dependency::ids(&after)).await?;
        self.waiting.learn(&awaited);
        Ok(dependency::open(&after, &awaited))
    }

    fn wait(&self, stored: &Stored<Execution>, open: &[Open], usage: &Usage, limits: &Limits) -> (Wait, Standing) {
        let now = self.clock.now();
        let mut waiting = Waiting::from(&stored.state);
        waiting.rests_until = waiting.rests_until.filter(|until| *until > now);
        let dependency = |open: &Open| Dependency { execution: open.awaited.id, condition: open.condition };
        waiting.after = open.iter().map(dependency).collect();
        self.waiting.rouse(now);
        self.waiting.look_with(&waiting, |queue| {
            wait::find(&Situation {
                waiting: &waiting,
                state: State { queue, usage, limits },
                unpublished: (stored.waiting >= COMMAND_BOUND).then_some(stored.waiting),
                identities: self.backend.identities().map(|range| usage.free_uids(range).count()),
                stopping: self.stopping.is_cancelled(),
            })
        })
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
