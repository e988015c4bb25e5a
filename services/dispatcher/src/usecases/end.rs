//! Ends what no agent will end, and gives back what was taken: the reconciler's
//! writes. Whatever ends an attempt closes its members in the same transaction
//! (M1); a place is free only once the backend says that the member is gone.

use std::sync::Arc;

use katonic_domain::{Clock, ExecutionId, MemberId};
use katonic_store::Fact;
use tracing::instrument;

use crate::{
    domain::{
        attempt::Outcome,
        checkpoints::{Checkpoint, Kind},
        execution::{Closing, Condition, Execution},
        member::Member,
        reason::Reason,
    },
    error::Error,
    store::{FINISHED, RETRYING, Repository},
};

/// Ends attempts and frees places.
#[derive(Clone)]
pub struct Ending {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

/// How an attempt ends without its agent.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Why, where nothing is fixed.
    pub reason: Reason,
    /// What is lost by it.
    pub conditions: Vec<Condition>,
    /// The last sequence of its log, which is closed.
    pub log_last_seq: u64,
}

impl Ending {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Ends an attempt: its members can no longer be claimed, nor report.
    #[instrument(skip_all, fields(execution.id = %id, attempt, reason = ?verdict.reason))]
    pub async fn attempt(&self, id: ExecutionId, attempt: u32, verdict: &Verdict) -> Result<(), Error> {
        let members = self.repository.members_of(id).await?;
        let members: Vec<Member> = members.into_iter().filter(|member| member.id.attempt == attempt).collect();
        let metered = self.repository.metered_of(id, attempt).await?;
        self.repository
            .store()
            .transaction(async |tx| {
                let mut reached = Vec::new();
                for member in &members {
                    let closed = tx.update_record(self.repository.members(), &member.id, close_member).await?;
                    reached.extend(closed.checkpoints);
                }
                let closing = Closing {
                    log_last_seq: verdict.log_last_seq,
                    conditions: verdict.conditions.clone(),
                    checkpoints: reached,
                    metered: metered.clone(),
                    ..Closing::default()
                };
                let end = |execution: &mut Execution| self.end(execution, attempt, verdict.reason, &closing);
                tx.update(self.repository.executions(), &id, end).await
            })
            .await?;
        self.repository.announce(id);
        Ok(())
    }

    fn end(
        &self,
        execution: &mut Execution,
        attempt: u32,
        reason: Reason,
        closing: &Closing,
    ) -> Result<Option<Fact>, Error> {
        let now = self.clock.now();
        execution.fix_outcome(attempt, Outcome::without_exit(reason, now), &closing.checkpoints)?;
        let news = execution.close(attempt, closing.clone(), now)?;
        Ok(news.then(|| closed(execution)))
    }

    /// Ends an execution that will never be admitted.
    #[instrument(skip_all, fields(execution.id = %id, ?reason))]
    pub async fn refuse(&self, id: ExecutionId, reason: Reason) -> Result<(), Error> {
        let refuse = |execution: &mut Execution| {
            execution.refuse(reason, self.clock.now())?;
            Ok::<_, Error>(Some(FINISHED))
        };
        self.repository.executions().update(&id, refuse).await?;
        self.repository.announce(id);
        Ok(())
    }

    /// Ends an execution that waits in vain: `failed` did not end as it was to. Answers it as it is then.
    #[instrument(skip_all, fields(execution.id = %id, %failed))]
    pub async fn give_up(&self, id: ExecutionId, failed: ExecutionId) -> Result<Execution, Error> {
        let give_up = |execution: &mut Execution| {
            let news = execution.give_up(failed, self.clock.now())?;
            Ok::<_, Error>(news.then_some(FINISHED))
        };
        let stored = self.repository.executions().update(&id, give_up).await?;
        self.repository.announce(id);
        Ok(stored.state)
    }

    /// Sets what the backend did for a member.
    pub async fn reached(&self, id: &MemberId, kinds: &[Kind]) -> Result<(), Error> {
        let steps = self.now(kinds);
        let reach = |member: &mut Member| {
            member.reach(&steps);
            Ok::<_, Error>(())
        };
        self.repository.members().update(id, reach).await?;
        Ok(())
    }

    /// Frees the place of a closed member that is gone.
    #[instrument(skip_all, fields(member.id = %id))]
    pub async fn release(&self, id: &MemberId) -> Result<(), Error> {
        let steps = self.now(&[Kind::VolumesReleased, Kind::ResourcesDeleted]);
        let release = |member: &mut Member| {
            if !member.open {
                member.reach(&steps);
                member.holding = false;
            }
            Ok::<_, Error>(())
        };
        self.repository.members().update(id, release).await?;
        self.repository.announce(id.execution);
        Ok(())
    }

    fn now(&self, kinds: &[Kind]) -> Vec<Checkpoint> {
        let at = self.clock.now();
        kinds.iter().map(|kind| Checkpoint { kind: *kind, at }).collect()
    }
}

/// What the close of an attempt was for its execution.
pub(super) const fn closed(execution: &Execution) -> Fact {
    if execution.phase.is_last() { FINISHED } else { RETRYING }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of a change")]
fn close_member(member: &mut Member) -> Result<(), Error> {
    member.open = false;
    Ok(())
}
