//! Gives places: one transaction that is fenced on the lease, reads usage
//! again, moves executions on and inserts their members (X4). A stale leader's
//! batch fails at the fence; two batches cannot give the same place twice.

use std::sync::Arc;

use katonic_domain::{Clock, ExecutionId, MemberId, Timestamp};
use katonic_store::{Epoch, StoreError, Transaction};
use tracing::instrument;

use crate::{
    backend::Backend,
    domain::{
        admission::{Usage, Waiting, admit},
        execution::Execution,
        member::Member,
        phase::Phase,
    },
    error::Error,
    store::{ADMITTED, Repository},
    tickets::{self, Tickets},
};

/// Members in one transaction: enough for a burst, short enough not to hold others up.
const BATCH: usize = 32;

/// Gives places.
#[derive(Clone)]
pub struct Admission {
    repository: Repository,
    backend: Arc<dyn Backend>,
    tickets: Tickets,
    clock: Arc<dyn Clock>,
}

impl Admission {
    /// Over what is kept.
    pub fn new(repository: Repository, backend: Arc<dyn Backend>, tickets: Tickets, clock: Arc<dyn Clock>) -> Self {
        Self { repository, backend, tickets, clock }
    }

    /// What is taken now.
    pub async fn usage(&self) -> Result<Usage, Error> {
        Ok(sum(&self.repository.holding().await?))
    }

    /// Admits those of the queue that fit, at most a batch. Answers who left the queue.
    #[instrument(skip_all, fields(waiting = queue.len(), epoch = epoch.get()))]
    pub async fn batch(&self, queue: &[Waiting], epoch: Epoch) -> Result<Vec<ExecutionId>, Error> {
        if queue.is_empty() || self.choose(queue, &self.usage().await?).is_empty() {
            return Ok(Vec::new());
        }
        let repository = &self.repository;
        let left = repository
            .store()
            .transaction(async |tx| {
                tx.fence(repository.lease(), epoch).await?;
                let mut usage = sum(&repository.holding_in(tx).await?);
                let chosen = self.choose(queue, &usage);
                for id in &chosen {
                    self.give_place(tx, *id, &mut usage).await?;
                }
                Ok::<_, Error>(chosen)
            })
            .await?;
        left.iter().for_each(|id| repository.announce(*id));
        Ok(left)
    }

    fn choose(&self, queue: &[Waiting], usage: &Usage) -> Vec<ExecutionId> {
        let identities = self.backend.identities();
        let places = identities.map_or(BATCH, |range| usage.free_uids(range).take(BATCH).count());
        admit(queue, usage, places)
    }

    async fn give_place(&self, tx: &mut Transaction, id: ExecutionId, usage: &mut Usage) -> Result<(), Error> {
        let now = self.clock.now();
        let executions = self.repository.executions();
        let admit = |execution: &mut Execution| {
            // It may have been stopped since it was chosen.
            if execution.phase != Phase::Queued {
                return Ok(None);
            }
            execution.admit(now)?;
            Ok::<_, Error>(Some(ADMITTED))
        };
        let stored = match tx.command(executions, &id, admit).await {
            Ok(stored) => stored,
            // Its events wait for the broker: its place goes to another meanwhile (W3).
            Err(Error::Store(StoreError::OutboxFull { .. })) => return Ok(()),
            Err(error) => return Err(error),
        };
        if stored.state.phase != Phase::Starting {
            return Ok(());
        }
        for member in self.members(&stored.state, usage, now) {
            usage.add(&member.tier, member.uid);
            tx.insert_record(self.repository.members(), member).await?;
        }
        Ok(())
    }

    fn members(&self, execution: &Execution, usage: &Usage, now: Timestamp) -> Vec<Member> {
        let attempt = execution.attempt().map_or(1, |attempt| attempt.number);
        let mut uids = self.backend.identities().map(|range| usage.free_uids(range));
        let places = execution.spec.groups.iter().flat_map(|group| (0..group.size).map(move |index| (group, index)));
        places
            .map(|(group, index)| {
                let id = MemberId { execution: execution.id, attempt, role: group.role.clone(), index };
                Member {
                    ticket_hash: tickets::hash(&self.tickets.of(&id)),
                    id,
                    execution: execution.id,
                    project: execution.project,
                    tier: execution.spec.tier.name.clone(),
                    open: true,
                    holding: true,
                    uid: uids.as_mut().and_then(Iterator::next),
                    nonce: None,
                    checkpoints: Vec::new(),
                    admitted_at: now,
                }
            })
            .collect()
    }
}

fn sum(holding: &[Member]) -> Usage {
    let mut usage = Usage::default();
    holding.iter().for_each(|member| usage.add(&member.tier, member.uid));
    usage
}
