//! A bus for tests that are about what is published, not about RabbitMQ: it
//! remembers, and it fails when told to.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use katonic_bus::{OutgoingEvent, PublishError, Publisher};
use tokio::sync::Notify;

/// Remembers every event that was published.
#[derive(Debug, Default)]
pub struct RecordingPublisher {
    events: Mutex<Vec<OutgoingEvent>>,
    news: Notify,
    /// How many more it takes before it cannot be reached; none means any number.
    until_down: Mutex<Option<usize>>,
    stuck: AtomicBool,
    to_return: AtomicUsize,
}

impl RecordingPublisher {
    /// A working one.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// From now on the broker cannot be reached, or can be again.
    pub fn set_down(&self, down: bool) {
        *self.until_down() = down.then_some(0);
    }

    /// It can be reached for so many publishes.
    pub fn down_after(&self, publishes: usize) {
        *self.until_down() = Some(publishes);
    }

    fn until_down(&self) -> MutexGuard<'_, Option<usize>> {
        self.until_down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on no publish ever ends, as when a process dies in the middle of one.
    pub fn set_stuck(&self) {
        self.stuck.store(true, Ordering::SeqCst);
    }

    /// The next publishes find no queue.
    pub fn return_next(&self, publishes: usize) {
        self.to_return.store(publishes, Ordering::SeqCst);
    }

    /// What was published, in order. A relay may repeat itself: each fact is here once, where it came first.
    pub fn published(&self) -> Vec<OutgoingEvent> {
        let mut seen = HashSet::new();
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| seen.insert(event.id.clone())).cloned().collect()
    }

    /// Waits until there are `count` facts at least.
    pub async fn facts(&self, count: usize) -> Vec<OutgoingEvent> {
        self.facts_where(count, |_| true).await
    }

    /// Waits until there are `count` facts of a kind at least; answers those.
    pub async fn facts_where(&self, count: usize, wanted: impl Fn(&OutgoingEvent) -> bool) -> Vec<OutgoingEvent> {
        loop {
            let news = self.news.notified();
            let published: Vec<_> = self.published().into_iter().filter(&wanted).collect();
            if published.len() >= count {
                return published;
            }
            news.await;
        }
    }

    fn take(&self, event: &OutgoingEvent) -> Result<(), PublishError> {
        if let Some(left) = &mut *self.until_down() {
            *left = left.checked_sub(1).ok_or(PublishError::Refused)?;
        }
        let returned = self.to_return.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if returned.is_ok() {
            return Err(PublishError::Returned { code: 312, text: "NO_ROUTE".to_owned() });
        }
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        self.news.notify_waiters();
        Ok(())
    }
}

impl Publisher for RecordingPublisher {
    fn publish<'a>(&'a self, event: &'a OutgoingEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            if self.stuck.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            self.take(event)
        })
    }
}
