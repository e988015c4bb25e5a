//! Says in this process that an execution was written, right after the commit:
//! what makes the way from submit to start a matter of milliseconds.
//!
//! Only a hint: a reader that was too slow is told that it missed something and
//! then looks at the store, as it does anyway by its own slow timer.

use std::time::Duration;

use katonic_domain::ExecutionId;
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};

/// Writes that a reader may lie behind before it is told that it missed some.
const DEPTH: usize = 4096;

/// Where writes are announced. Clones share it.
#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<ExecutionId>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(DEPTH))
    }
}

impl Changes {
    /// Announces that an execution or one of its members was written.
    pub fn announce(&self, id: ExecutionId) {
        // Nobody may be reading: then nobody needs to know.
        let _ = self.0.send(id);
    }

    /// Reads what is announced from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }
}

/// One reader of announcements.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<ExecutionId>);

/// What a reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// This one was written.
    Of(ExecutionId),
    /// Some were, which is not known.
    Some,
}

impl Subscription {
    /// The next announcement; none once nobody can write any more.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(id) => Some(Change::Of(id)),
            Err(RecvError::Lagged(_)) => Some(Change::Some),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next announcement, if it is there already.
    pub fn at_once(&mut self) -> Option<Change> {
        match self.0.try_recv() {
            Ok(id) => Some(Change::Of(id)),
            Err(TryRecvError::Lagged(_)) => Some(Change::Some),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// Waits until an execution that `concerns` may have been written, or for
    /// `patience`: after that one looks anyway.
    pub async fn wait_for(&mut self, patience: Duration, concerns: impl Fn(ExecutionId) -> bool) {
        let changed = async {
            loop {
                match self.next().await {
                    Some(Change::Of(id)) if !concerns(id) => {}
                    Some(_) => return,
                    None => std::future::pending().await,
                }
            }
        };
        // A timeout is as good as a change: the caller looks at the store either way.
        let _ = tokio::time::timeout(patience, changed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_EVER: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn one_waits_for_what_concerns_it() {
        let changes = Changes::default();
        let (own, other) = (ExecutionId::generate(), ExecutionId::generate());
        let mut subscription = changes.subscribe();
        let before = tokio::time::Instant::now();
        changes.announce(other);
        changes.announce(own);
        subscription.wait_for(FOR_EVER, |id| id == own).await;
        assert!(before.elapsed() < FOR_EVER);
        subscription.wait_for(FOR_EVER, |id| id == own).await;
        assert!(before.elapsed() >= FOR_EVER, "the fallback is a timer");
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_that_it_missed_some() {
        let changes = Changes::default();
        let mut subscription = changes.subscribe();
        (0..=DEPTH).for_each(|_| changes.announce(ExecutionId::generate()));
        assert_eq!(subscription.next().await, Some(Change::Some));
        assert!(matches!(subscription.at_once(), Some(Change::Of(_))));
        assert_eq!(changes.subscribe().at_once(), None);
    }
}
