//! Gives places: one transaction that is fenced on the lease, reads usage
//! again, moves executions on and inserts their members (X4). A stale leader's
//! batch fails at the fence; two batches cannot give the same place twice.

use std::{collections::BTreeMap, sync::Arc};

use katonic_domain::{Clock, ExecutionId, MemberId, Name, Timestamp};
use katonic_store::{Epoch, StoreError, Transaction};
use tracing::instrument;

use crate::{
    backend::Backend,
    domain::{
        admission::{self, Given, Room, State},
        execution::Execution,
        limits::Limits,
        member::Member,
        order::Turns,
        phase::Phase,
        usage::Usage,
    },
    error::Error,
    policies::Policies,
    store::{ADMITTED, Repository},
    tickets::{self, Tickets},
    waiting::WaitingRoom,
};

/// Executions in one transaction: enough for a burst, short enough not to hold others up.
const BATCH: usize = 32;

/// Gives places.
#[derive(Clone)]
pub struct Admission {
    /// What is kept.
    pub repository: Repository,
    /// Who waits.
    pub waiting: WaitingRoom,
    /// What may be.
    pub policies: Policies,
    /// Where members run.
    pub backend: Arc<dyn Backend>,
    /// What members are claimed with.
    pub tickets: Tickets,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Admission {
    /// Admits those of the queue that may be, at most a batch. Answers how many left the queue.
    #[instrument(skip_all, fields(epoch = epoch.get()))]
    pub async fn batch(&self, turns: &mut BTreeMap<Name, Turns>, epoch: Epoch) -> Result<usize, Error> {
        if self.waiting.look(crate::domain::queue::Queue::is_empty) {
            return Ok(0);
        }
        self.waiting.rouse(self.clock.now());
        let limits = self.policies.limits().await?;
        let holding = self.repository.holding().await?;
        if self.choose(&Usage::of_members(&holding), &limits, turns).chosen.is_empty() {
            return Ok(0);
        }
        let repository = &self.repository;
        let (given, moved) = repository
            .store()
            .transaction(async |tx| {
                tx.fence(repository.lease(), epoch).await?;
                let mut usage = Usage::of_members(&repository.holding_in(tx).await?);
                let given = self.choose(&usage, &limits, turns);
                let mut moved = Vec::new();
                for id in &given.chosen {
                    moved.extend(self.give_place(tx, *id, &mut usage).await?);
                }
                Ok::<_, Error>((given, moved))
            })
            .await?;
        *turns = given.turns;
        given.chosen.iter().for_each(|id| self.waiting.forget(*id));
        moved.iter().for_each(|id| repository.announce(*id));
        Ok(given.chosen.len())
    }

    fn choose(&self, usage: &Usage, limits: &Limits, turns: &BTreeMap<Name, Turns>) -> Given {
        let identities = self.backend.identities().map(|range| usage.free_uids(range).count());
        let room = Room { identities, executions: BATCH };
        self.waiting.look(|queue| admission::admit(State { queue, usage, limits }, turns, room))
    }

    /// Answers the execution if it has its place now.
    async fn give_place(
        &self,
        tx: &mut Transaction,
        id: ExecutionId,
        usage: &mut Usage,
    ) -> Result<Option<ExecutionId>, Error> {
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
            // Its events wait for the broker: its place goes to another until the queue is read again (W3).
            Err(Error::Store(StoreError::OutboxFull { .. })) => return Ok(None),
            Err(error) => return Err(error),
        };
        if stored.state.phase != Phase::Starting {
            return Ok(None);
        }
        for member in self.members(&stored.state, usage, now) {
            usage.add_member(&member);
            tx.insert_record(self.repository.members(), member).await?;
        }
        Ok(Some(id))
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
                    owner: Some(execution.owner),
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
