//! The queue as this process sees it, in memory: a submit, an admission and an
//! explanation cost no scan of the store.
//!
//! The store is the truth. Each write of this process is seen at once, those of
//! other replicas when the queue is read again, and whoever is taken from here
//! is checked in the admitting transaction.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::{ExecutionId, Limit, ProjectId, Timestamp, UserId};
use tokio::sync::Notify;

use crate::domain::{
    dependency::Awaited,
    execution::Execution,
    limits::Limits,
    phase::Phase,
    queue::{Queue, Waiting},
};

/// The queue. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct WaitingRoom {
    inner: Arc<Mutex<Inner>>,
    woken: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Queue,
    entering: BTreeMap<Entry, u32>,
}

/// Whom an execution that is about to be accepted counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    All,
    User(UserId),
    Project(ProjectId),
}

/// A queue that takes no more: whose, and its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull {
    /// Whose.
    pub whose: Whose,
    /// How many may wait.
    pub limit: u32,
}

/// Whose queue it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The user's.
    User,
    /// The project's.
    Project,
    /// That of all together.
    Installation,
}

/// The right to enter the queue; it counts until it is dropped.
#[derive(Debug)]
pub struct Entering {
    room: WaitingRoom,
    entries: [Entry; 3],
}

impl Drop for Entering {
    fn drop(&mut self) {
        self.room.change(|inner| {
            for entry in self.entries {
                if let Some(count) = inner.entering.get_mut(&entry) {
                    *count -= 1;
                }
            }
            inner.entering.retain(|_, count| *count > 0);
        });
    }
}

impl WaitingRoom {
    /// Lets one more be accepted, unless a queue limit forbids it.
    pub fn enter(&self, user: UserId, project: ProjectId, limits: &Limits) -> Result<Entering, QueueFull> {
        let entries = [Entry::User(user), Entry::Project(project), Entry::All];
        self.change(|inner| {
            let queue = &inner.queue;
            let all = u32::try_from(queue.len()).unwrap_or(u32::MAX);
            for (entry, whose, waiting, limit) in [
                (entries[0], Whose::User, queue.of_user(user), limits.of_user(user)),
                (entries[1], Whose::Project, queue.of_project(project), limits.of_project(project)),
                (entries[2], Whose::Installation, all, limits.of_installation()),
            ] {
                let entering = inner.entering.get(&entry).copied().unwrap_or(0);
                if let Limit { queued: Some(limit), .. } = limit
                    && waiting.saturating_add(entering) >= limit
                {
                    return Err(QueueFull { whose, limit });
                }
            }
            entries.into_iter().for_each(|entry| *inner.entering.entry(entry).or_default() += 1);
            Ok(())
        })?;
        Ok(Entering { room: self.clone(), entries })
    }

    /// Sees an execution as it is now: it enters or leaves.
    pub fn see(&self, execution: &Execution) {
        self.change(|inner| {
            if execution.phase == Phase::Queued {
                inner.queue.insert(execution.into());
            } else {
                inner.queue.remove(execution.id);
                inner.queue.see(execution.id, execution.phase);
            }
        });
        self.wake();
    }

    /// Sees where some are that others may wait for.
    pub fn learn(&self, awaited: &[Awaited]) {
        let news = self.change(|inner| awaited.iter().filter(|one| inner.queue.see(one.id, one.phase)).count());
        if news > 0 {
            self.wake();
        }
    }

    /// Sees which of some executions wait.
    pub fn see_all(&self, ids: &[ExecutionId], waiting: Vec<Waiting>) {
        self.change(|inner| {
            for id in ids.iter().filter(|id| !waiting.iter().any(|waiting| waiting.id == **id)) {
                inner.queue.remove(*id);
            }
            waiting.into_iter().for_each(|waiting| inner.queue.insert(waiting));
        });
        self.wake();
    }

    /// Sees the whole queue.
    pub fn replace(&self, all: Vec<Waiting>) {
        let mut queue = Queue::default();
        all.into_iter().for_each(|waiting| queue.insert(waiting));
        // Who has ended need not be asked for again.
        for (id, phase) in self.look(|queue| queue.held().ended().clone()) {
            queue.see(id, phase);
        }
        self.change(|inner| inner.queue = queue);
        self.wake();
    }

    /// Lets those stand in line that have rested until now.
    pub fn rouse(&self, now: Timestamp) {
        self.change(|inner| inner.queue.rouse(now));
    }

    /// Forgets one that left.
    pub fn forget(&self, id: ExecutionId) {
        self.change(|inner| inner.queue.remove(id));
    }

    /// Looks at the queue. Nothing may wait for anything meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Queue) -> T) -> T {
        self.change(|inner| look(&inner.queue))
    }

    /// Looks at the queue as if this execution waited in it, whether or not it was seen yet.
    pub fn look_with<T>(&self, waiting: &Waiting, look: impl FnOnce(&Queue) -> T) -> T {
        self.change(|inner| {
            let known = inner.queue.get(waiting.id).is_some();
            inner.queue.insert(waiting.clone());
            let seen = look(&inner.queue);
            if !known {
                inner.queue.remove(waiting.id);
            }
            seen
        })
    }

    /// Says that something changed that admission may depend on.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits until something changed since the last time, or for `patience`.
    pub async fn woken(&self, patience: Duration) {
        // A timeout is as good as a change: whoever waits looks either way.
        let _ = tokio::time::timeout(patience, self.woken.notified()).await;
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use katonic_domain::LimitScope as Scope;

    use super::*;
    use crate::domain::{
        dependency::tests::on,
        execution::tests::{queued, running},
    };

    #[test]
    fn who_is_about_to_enter_counts_as_who_waits() {
        let (room, execution) = (WaitingRoom::default(), queued(1));
        let mut limits = Limits::default();
        limits.set(Scope::Users, Limit { running: None, queued: Some(2) });
        let enter = || room.enter(execution.owner, execution.project, &limits);
        let first = enter().expect("room for two");
        room.see(&execution);
        let full = QueueFull { whose: Whose::User, limit: 2 };
        assert_eq!(enter().err(), Some(full));
        drop(first);
        let second = enter().expect("room for one more");
        assert_eq!(enter().err(), Some(full));
        room.forget(execution.id);
        drop(second);
        assert!(room.change(|inner| inner.entering.is_empty() && inner.queue.is_empty()));
    }

    #[test]
    fn an_end_is_known_after_the_queue_was_read_again() {
        let (room, ended, mut execution) = (WaitingRoom::default(), running(), queued(1));
        execution.after = vec![on(ended.id)];
        room.see(&execution);
        let awaited = Awaited {
            id: ended.id,
            project: ended.project,
            number: ended.number,
            archived: false,
            phase: Phase::Succeeded,
        };
        let in_line = || room.look(|queue| queue.tiers().count());
        assert_eq!(in_line(), 0);
        room.learn(&[awaited]);
        assert_eq!(in_line(), 1);
        room.replace(vec![(&execution).into()]);
        assert_eq!(in_line(), 1);
        room.forget(execution.id);
        assert!(room.look(Queue::is_empty));
    }

    #[test]
    fn looking_as_if_it_waited_changes_nothing() {
        let (room, execution) = (WaitingRoom::default(), queued(1));
        assert_eq!(room.look_with(&(&execution).into(), Queue::len), 1);
        assert!(room.look(Queue::is_empty));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_before_one_waits_is_not_missed() {
        let room = WaitingRoom::default();
        room.see(&queued(1));
        let before = tokio::time::Instant::now();
        room.woken(Duration::from_secs(9)).await;
        assert!(before.elapsed().is_zero());
        room.woken(Duration::from_secs(9)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(9));
    }
}
