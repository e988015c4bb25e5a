//! What agents report about their members. Each report may come again, late, or
//! after another that it should have preceded; the outcome is the same.
//!
//! ```text
//!   checkpoints ──► member          (no event; `running` when user code started)
//!   usage ────────► beside member   (no event; the later one stands)
//!   exit ─────────► outcome fixed   (compare-and-set: the first one decides)
//!   finished ─────► last phase, or the queue again, and members closed, in one transaction
//! ```

use std::sync::Arc;

use katonic_domain::{Clock, MemberId, metric};
use katonic_store::{Fact, Transaction};
use tracing::instrument;

use crate::{
    domain::{
        attempt::Outcome,
        checkpoints::{Checkpoint, Kind},
        execution::{Closing, Condition, DesiredState, Execution},
        member::Member,
        metered::Metered,
        series,
    },
    error::Error,
    metrics,
    store::{FINISHED, FINISHING, RUNNING, Repository},
    usecases::end::closed,
};

/// More than any agent of ours says.
const MOST_REFUSAL_CHARACTERS: usize = 200;

/// Takes reports.
#[derive(Clone)]
pub struct Reports {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Reports {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Sets steps on a member. Answers what its users want.
    #[instrument(skip_all, fields(member.id = %id))]
    pub async fn checkpoints(&self, id: &MemberId, reached: &[Checkpoint]) -> Result<DesiredState, Error> {
        let reach = |member: &mut Member| {
            if !member.open {
                return Err(Error::AttemptOver);
            }
            member.reach(reached);
            Ok(())
        };
        let member = self.repository.members().update(id, reach).await?;
        let launched = reached.iter().find(|checkpoint| checkpoint.kind == Kind::UserCodeLaunched);
        let execution = match launched {
            Some(launched) => self.launched(id, launched, &member.checkpoints).await?,
            None => self.repository.execution(id.execution).await?.state,
        };
        self.repository.announce(id.execution);
        Ok(execution.desired)
    }

    async fn launched(&self, id: &MemberId, launched: &Checkpoint, all: &[Checkpoint]) -> Result<Execution, Error> {
        let change = |execution: &mut Execution| {
            let news = execution.launch(id.attempt, launched.at, all)?;
            Ok::<_, Error>(news.then_some(RUNNING))
        };
        Ok(self.repository.executions().update(&id.execution, change).await?.state)
    }

    /// Takes what a member has used so far.
    #[instrument(skip_all, fields(member.id = %said.member))]
    pub async fn usage(&self, said: &Metered) -> Result<(), Error> {
        if !self.repository.member(&said.member).await?.open {
            return Err(Error::AttemptOver);
        }
        self.repository.meter(said).await?;
        metrics::usage_reported();
        Ok(())
    }

    /// Fixes how an attempt ended; the first to do so decides. Answers what its users want.
    #[instrument(skip_all, fields(member.id = %id, reason = ?outcome.reason))]
    pub async fn exit(&self, id: &MemberId, outcome: Outcome) -> Result<DesiredState, Error> {
        let member = self.repository.member(id).await?;
        let change = |execution: &mut Execution| {
            let news = execution.fix_outcome(id.attempt, outcome, &member.checkpoints)?;
            Ok::<_, Error>(news.then_some(FINISHING))
        };
        let stored = self.repository.executions().update(&id.execution, change).await?;
        self.repository.announce(id.execution);
        Ok(stored.state.desired)
    }

    /// Ends an attempt after all that is to be kept is kept.
    #[instrument(skip_all, fields(member.id = %id))]
    pub async fn finished(&self, id: &MemberId, closing: Closing) -> Result<(), Error> {
        // Owned by the closure: what it borrowed from here could not be sent to another thread.
        let (own, member_id, closing) = (self.clone(), id.clone(), checked(closing));
        let work = async move |tx: &mut Transaction| own.finish(tx, &member_id, &closing).await;
        self.repository.store().transaction(work).await?;
        self.repository.announce(id.execution);
        Ok(())
    }

    async fn finish(&self, tx: &mut Transaction, id: &MemberId, closing: &Closing) -> Result<(), Error> {
        let close_member = |member: &mut Member| {
            member.reach(&closing.checkpoints);
            member.open = false;
            Ok::<_, Error>(())
        };
        let member = tx.update_record(self.repository.members(), id, close_member).await?;
        // Of one that ended before its first sample there is nothing to show over time.
        let over_time = closing.metered.iter().filter(|one| !one.series.points().is_empty());
        tx.put_records(self.repository.metered(), over_time.cloned().collect()).await?;
        let mut over = false;
        let close = |execution: &mut Execution| {
            let news = self.close(execution, id, closing, &member)?;
            over = news == Some(FINISHED);
            Ok::<_, Error>(news)
        };
        tx.update(self.repository.executions(), &id.execution, close).await?;
        if over && !closing.series.is_empty() {
            self.repository.keep_series(tx, id.execution, closing.series.clone()).await?;
        }
        Ok(())
    }

    fn close(
        &self,
        execution: &mut Execution,
        id: &MemberId,
        closing: &Closing,
        member: &Member,
    ) -> Result<Option<Fact>, Error> {
        let current = execution.attempt().filter(|attempt| attempt.number == id.attempt);
        if current.is_some_and(|attempt| attempt.outcome.is_none()) {
            return Err(Error::OutcomeNotFixed);
        }
        let closing = Closing { checkpoints: member.checkpoints.clone(), ..closing.clone() };
        let news = execution.close(id.attempt, closing, self.clock.now())?;
        Ok(news.then(|| closed(execution)))
    }
}

/// Metrics are user code's own words: capped, and objects only.
fn checked(mut closing: Closing) -> Closing {
    let fits = |metrics: &serde_json::Value| metrics.is_object() && metrics.to_string().len() <= metric::MOST_BYTES;
    if closing.metrics.as_ref().is_some_and(|metrics| !fits(metrics)) || !series::fit(&closing.series) {
        (closing.metrics, closing.series) = (None, Vec::new());
        closing.conditions.push(Condition::MetricsRefused);
        closing.metrics_refusal = "they are more than an object of 16 KiB".to_owned();
    }
    closing.metrics_refusal = closing.metrics_refusal.chars().take(MOST_REFUSAL_CHARACTERS).collect();
    closing
}
