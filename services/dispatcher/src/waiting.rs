//! The queue as the admission leader sees it, in memory, so that a submit costs
//! no scan. The store is the truth: it is read again now and then, and whoever
//! is taken from here is checked in the admitting transaction.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use katonic_domain::ExecutionId;

use crate::domain::{admission::Waiting, execution::Execution, phase::Phase};

/// The queue. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct WaitingRoom(Arc<Mutex<BTreeMap<ExecutionId, Waiting>>>);

impl WaitingRoom {
    /// Sees an execution as it is now: it enters or leaves.
    pub fn see(&self, execution: &Execution) {
        self.with(|waiting| {
            if execution.phase == Phase::Queued {
                waiting.entry(execution.id).or_insert_with(|| execution.into());
            } else {
                waiting.remove(&execution.id);
            }
        });
    }

    /// Sees the whole queue.
    pub fn replace(&self, queue: &[Execution]) {
        self.with(|waiting| *waiting = queue.iter().map(|execution| (execution.id, execution.into())).collect());
    }

    /// Forgets one that left.
    pub fn forget(&self, id: ExecutionId) {
        self.with(|waiting| waiting.remove(&id));
    }

    /// All that wait.
    pub fn all(&self) -> Vec<Waiting> {
        self.with(|waiting| waiting.values().cloned().collect())
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<ExecutionId, Waiting>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
