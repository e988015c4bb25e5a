//! Feeds the reconciler: what was written, what the backend saw, what is due,
//! and everything that holds a place, now and then.

use std::time::{Duration, Instant};

use katonic_domain::{ExecutionId, MemberId};
use katonic_service::Shutdown;
use tokio::sync::{Mutex, mpsc};
use tracing::{error, warn};

use crate::{
    backend::Backend,
    changes::Change,
    error::Error,
    metrics,
    reconcile::{apply::Reconciler, queue::WorkQueue},
    store::Repository,
};

/// Executions that are looked at, at once: their time goes into waiting for store and disk.
const WORKERS: usize = 4;
/// How often everything that holds a place is looked at.
const RESYNC: Duration = Duration::from_secs(30);
/// After a failed look.
const PAUSE: Duration = Duration::from_secs(1);

/// What reconciling needs.
pub struct Reconciling {
    repository: Repository,
    backend: std::sync::Arc<dyn Backend>,
    watch: Mutex<Option<mpsc::Receiver<MemberId>>>,
}

impl Reconciling {
    /// Over what is kept and observed.
    pub fn new(repository: Repository, backend: std::sync::Arc<dyn Backend>) -> Self {
        let watch = Mutex::new(backend.watch());
        Self { repository, backend, watch }
    }

    /// Reconciles until the term ends.
    pub async fn run(&self, reconciler: Reconciler, term: Shutdown) {
        let queue = WorkQueue::default();
        let workers = (0..WORKERS).map(|_| work(&reconciler, &queue));
        let all = async {
            tokio::join!(
                futures::future::join_all(workers),
                self.follow_writes(&queue),
                self.follow_backend(&queue),
                self.resync(&reconciler, &queue),
            )
        };
        // Cut off in the middle of an action: the next term's plan begins there.
        let _ = term.run_until_cancelled(all).await;
    }

    async fn follow_writes(&self, queue: &WorkQueue<ExecutionId>) {
        let mut changes = self.repository.changes().subscribe();
        while let Some(change) = changes.next().await {
            match change {
                Change::Of(id) => queue.trigger(id),
                Change::Some => self.look_at_all(queue).await,
            }
        }
    }

    async fn follow_backend(&self, queue: &WorkQueue<ExecutionId>) {
        // Held for the term: the next term gets it back.
        let mut watch = self.watch.lock().await;
        let Some(gone) = watch.as_mut() else { return };
        while let Some(member) = gone.recv().await {
            queue.trigger(member.execution);
        }
    }

    async fn resync(&self, reconciler: &Reconciler, queue: &WorkQueue<ExecutionId>) {
        loop {
            self.look_at_all(queue).await;
            if let Err(error) = self.look_at_new(reconciler, queue).await {
                warn!(error = %katonic_service::runtime::chain(&error), "the queue cannot be listed now");
            }
            tokio::time::sleep(RESYNC).await;
        }
    }

    /// What waits and was not looked at yet: its deadline runs by a timer from then on.
    async fn look_at_new(&self, reconciler: &Reconciler, queue: &WorkQueue<ExecutionId>) -> Result<(), Error> {
        if reconciler.bounds_the_queue() {
            let waiting = self.repository.queue().await?.into_iter().map(|waiting| waiting.id);
            waiting.filter(|id| !reconciler.knows(*id)).for_each(|id| queue.trigger(id));
        }
        Ok(())
    }

    /// What holds a place.
    async fn look_at_all(&self, queue: &WorkQueue<ExecutionId>) {
        match self.inventory().await {
            Ok(executions) => executions.into_iter().for_each(|id| queue.trigger(id)),
            Err(error) => warn!(error = %katonic_service::runtime::chain(&error), "members cannot be listed now"),
        }
    }

    async fn inventory(&self) -> Result<Vec<ExecutionId>, Error> {
        let found = self.backend.observe_all().await?;
        let holding = self.repository.holding().await?;
        let mut unknown = 0;
        for found in found {
            let known = match &found.member {
                Some(id) => self.repository.members().get(id).await?.is_some_and(|member| member.holding),
                None => false,
            };
            if !known {
                unknown += 1;
                // Somebody must look: it is ours by its layout, and nothing says whether it matters.
                error!(name = found.name, "a member directory that no document knows; it is left alone");
            }
        }
        metrics::unknown_members(unknown);
        Ok(holding.into_iter().map(|member| member.execution).collect())
    }
}

async fn work(reconciler: &Reconciler, queue: &WorkQueue<ExecutionId>) {
    loop {
        let hand = queue.next().await;
        metrics::reconcile_lag(hand.waited());
        let began = Instant::now();
        match reconciler.reconcile(*hand.key()).await {
            Ok(Some(after)) => queue.trigger_after(*hand.key(), after),
            Ok(None) => {}
            Err(error) => {
                metrics::reconcile_failed();
                let error = katonic_service::runtime::chain(&error);
                warn!(execution.id = %hand.key(), %error, "a look at an execution failed and is repeated");
                queue.trigger_after(*hand.key(), PAUSE);
            }
        }
        metrics::reconciled(began.elapsed());
    }
}
