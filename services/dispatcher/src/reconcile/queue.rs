//! Which key to look at next: each key waits at most once and is never in two
//! hands at once, whatever triggers it and how often.
//!
//! In memory only: after a crash the new lease holder looks at everything that
//! is not over, so nothing depends on what stood here.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<(K, Instant)>,
    waiting: HashSet<K>,
    in_hand: HashSet<K>,
    /// Triggered while in hand: looked at once more afterwards.
    again: HashSet<K>,
    later: HashMap<K, Instant>,
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            waiting: HashSet::new(),
            in_hand: HashSet::new(),
            again: HashSet::new(),
            later: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn trigger(&mut self, key: K) {
        self.later.remove(&key);
        if self.in_hand.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back((key, Instant::now()));
        }
    }

    fn take(&mut self) -> Option<(K, Instant)> {
        let (key, since) = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.in_hand.insert(key.clone());
        Some((key, since))
    }

    fn put_back(&mut self, key: K) {
        self.in_hand.remove(&key);
        if self.again.remove(&key) {
            self.trigger(key);
        }
    }

    fn ripen(&mut self, now: Instant) {
        let ripe: Vec<K> = self.later.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        ripe.into_iter().for_each(|key| self.trigger(key));
    }

    fn next_ripe(&self) -> Option<Instant> {
        self.later.values().min().copied()
    }
}

/// A queue of keys; clones share it.
#[derive(Debug)]
pub struct WorkQueue<K> {
    state: Arc<Mutex<State<K>>>,
    changed: Arc<Notify>,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), changed: Arc::clone(&self.changed) }
    }
}

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        Self { state: Arc::default(), changed: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash> WorkQueue<K> {
    /// Has the key looked at as soon as possible.
    pub fn trigger(&self, key: K) {
        self.with(|state| state.trigger(key));
        self.changed.notify_one();
    }

    /// Has the key looked at after a while, unless it is triggered before.
    pub fn trigger_after(&self, key: K, delay: Duration) {
        let at = Instant::now() + delay;
        self.with(|state| {
            if !state.waiting.contains(&key) {
                let known = state.later.entry(key).or_insert(at);
                *known = at.min(*known);
            }
        });
        self.changed.notify_one();
    }

    /// The next key, once there is one. It is in hand until [`Hand`] is dropped.
    pub async fn next(&self) -> Hand<K> {
        loop {
            let changed = self.changed.notified();
            let (taken, ripe_at) = self.with(|state| {
                state.ripen(Instant::now());
                (state.take(), state.next_ripe())
            });
            if let Some((key, since)) = taken {
                return Hand { queue: self.clone(), key, waited: since.elapsed() };
            }
            match ripe_at {
                None => changed.await,
                Some(at) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State<K>) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A key in hand: nobody else gets it until this is dropped.
#[derive(Debug)]
pub struct Hand<K: Clone + Eq + Hash> {
    queue: WorkQueue<K>,
    key: K,
    waited: Duration,
}

impl<K: Clone + Eq + Hash> Hand<K> {
    /// The key.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// How long it waited to be taken in hand.
    pub const fn waited(&self) -> Duration {
        self.waited
    }
}

impl<K: Clone + Eq + Hash> Drop for Hand<K> {
    fn drop(&mut self) {
        self.queue.with(|state| state.put_back(self.key.clone()));
        self.queue.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_key_waits_once_however_often_it_is_triggered() {
        let queue = WorkQueue::default();
        (0..3).for_each(|_| queue.trigger("a"));
        assert_eq!(queue.next().await.key(), &"a");
        assert!(queue.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_key_in_hand_comes_again_only_after_it_is_put_back() {
        let queue = WorkQueue::default();
        queue.trigger("a");
        let hand = queue.next().await;
        queue.trigger("a");
        assert!(queue.next().now_or_never().is_none());
        drop(hand);
        assert_eq!(queue.next().await.key(), &"a");
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_moment_holds_and_a_trigger_replaces_it() {
        let queue = WorkQueue::default();
        queue.trigger_after("a", Duration::from_secs(60));
        queue.trigger_after("a", Duration::from_secs(5));
        let before = Instant::now();
        drop(queue.next().await);
        assert_eq!(before.elapsed(), Duration::from_secs(5));

        queue.trigger_after("a", Duration::from_secs(60));
        queue.trigger("a");
        drop(queue.next().await);
        assert!(queue.next().now_or_never().is_none(), "the later moment is forgotten");
    }

    #[tokio::test]
    async fn a_waiting_worker_is_woken() {
        let queue = WorkQueue::default();
        let (hand, ()) = tokio::join!(queue.next(), async { queue.trigger("a") });
        assert_eq!(hand.key(), &"a");
    }
}
