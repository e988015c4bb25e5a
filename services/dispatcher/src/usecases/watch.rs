//! Streams of what is, at once and after every change. Level-triggered: each
//! item is the whole present state, read after a wake-up or a slow timer, so a
//! reader that misses one has missed nothing.

use std::time::Duration;

use futures::Stream;
use katonic_domain::{ExecutionId, MemberId, ProjectId};
use katonic_store::{Stored, Version};

use crate::{
    domain::{
        execution::{DesiredState, Execution},
        member::Member,
    },
    error::Error,
    store::Repository,
};

/// How long a reader relies on being woken before it looks by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// The members of an execution, as followers of its log need them.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    /// The execution's project.
    pub project: ProjectId,
    /// All so far, in order of attempt and index.
    pub members: Vec<Member>,
    /// Whether none will follow.
    pub ended: bool,
}

/// Opens streams.
#[derive(Clone)]
pub struct Watches {
    repository: Repository,
}

impl Watches {
    /// Over what is kept.
    pub const fn new(repository: Repository) -> Self {
        Self { repository }
    }

    /// An execution: what is newer than `after`, until it has ended.
    pub fn execution(
        &self,
        id: ExecutionId,
        after: Version,
    ) -> impl Stream<Item = Result<Stored<Execution>, Error>> + Send + use<> {
        let repository = self.repository.clone();
        async_stream::try_stream! {
            let mut seen = after;
            let mut changes = repository.changes().subscribe();
            loop {
                let stored = repository.execution(id).await?;
                let ended = stored.state.phase.is_last();
                if stored.version > seen {
                    seen = stored.version;
                    yield stored;
                }
                if ended {
                    return;
                }
                changes.wait_for(PATIENCE, |changed| changed == id).await;
            }
        }
    }

    /// The members of an execution, across attempts, until it has ended.
    pub fn members(&self, id: ExecutionId) -> impl Stream<Item = Result<Members, Error>> + Send + use<> {
        let repository = self.repository.clone();
        async_stream::try_stream! {
            let mut seen: Option<(Vec<(MemberId, bool)>, bool)> = None;
            let mut changes = repository.changes().subscribe();
            loop {
                // The execution first: once it has ended no member follows.
                let execution = repository.execution(id).await?.state;
                let members = repository.members_of(id).await?;
                let ended = execution.phase.is_last();
                let shape = (members.iter().map(|member| (member.id.clone(), member.open)).collect(), ended);
                if seen.as_ref() != Some(&shape) {
                    seen = Some(shape);
                    yield Members { project: execution.project, members, ended };
                }
                if ended {
                    return;
                }
                changes.wait_for(PATIENCE, |changed| changed == id).await;
            }
        }
    }

    /// What is wanted of members: of each at once, then after every change, until all are closed.
    pub fn orders(
        &self,
        mut ids: Vec<MemberId>,
    ) -> impl Stream<Item = Result<(MemberId, DesiredState), Error>> + Send + use<> {
        let repository = self.repository.clone();
        async_stream::try_stream! {
            let mut given: Vec<(MemberId, DesiredState)> = Vec::new();
            let mut changes = repository.changes().subscribe();
            loop {
                let mut open = Vec::new();
                for id in ids {
                    let Some((desired, is_open)) = order(&repository, &id).await? else { continue };
                    if !given.contains(&(id.clone(), desired)) {
                        given.retain(|(known, _)| *known != id);
                        given.push((id.clone(), desired));
                        yield (id.clone(), desired);
                    }
                    if is_open {
                        open.push(id);
                    }
                }
                ids = open;
                if ids.is_empty() {
                    return;
                }
                changes.wait_for(PATIENCE, |changed| ids.iter().any(|id| id.execution == changed)).await;
            }
        }
    }
}

/// What is wanted of a member and whether it is open; a closed one is wanted no more.
async fn order(repository: &Repository, id: &MemberId) -> Result<Option<(DesiredState, bool)>, Error> {
    let Some(member) = repository.members().get(id).await? else { return Ok(None) };
    if !member.open {
        return Ok(Some((DesiredState::StopAndDiscard, false)));
    }
    let execution = repository.execution(id.execution).await?.state;
    Ok(Some((execution.desired, true)))
}
