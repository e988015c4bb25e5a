//! How much one caller, and all together, may have going on.
//!
//! Requests are counted while their answer is being made, streams until they
//! end. Sizes are in the configuration, with their derivation.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use katonic_domain::{ErrorKind, UserId};
use katonic_service::rpc::Failure;
use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::LimitsSection;

/// Users remembered at once; one who is forgotten starts with full allowances.
const USERS: u64 = 10_000;
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// The allowances of everybody.
#[derive(Debug)]
pub(crate) struct Limits {
    section: LimitsSection,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// What all who need not say who they are have together.
    anyone: UserLimits,
    users: Cache<UserId, Arc<UserLimits>>,
    lookups: Bucket,
}

/// The allowances of one user.
#[derive(Debug)]
pub(crate) struct UserLimits {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    rate: Bucket,
}

/// The right to keep a stream open; given back when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
}

impl Limits {
    pub(crate) fn new(section: LimitsSection) -> Self {
        Self {
            section,
            requests: Arc::new(Semaphore::new(section.requests)),
            streams: Arc::new(Semaphore::new(section.streams)),
            anyone: UserLimits::new(section),
            users: Cache::builder().max_capacity(USERS).time_to_idle(FORGET_AFTER).build(),
            lookups: Bucket::new(section.lookups, section.lookups),
        }
    }

    /// The right to make an answer, before anything is known of the caller.
    pub(crate) fn request(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let busy = |_| Failure::new(ErrorKind::Unavailable, "OVERLOADED", "too many requests are in flight");
        self.requests.clone().try_acquire_owned().map_err(busy)
    }

    /// The right to ask metadata about a token.
    pub(crate) fn lookup(&self) -> Result<(), Failure> {
        self.lookups.take(Instant::now()).map_err(|wait| too_many("TOO_MANY_LOOKUPS", wait))
    }

    /// The allowances of a user.
    pub(crate) async fn user(&self, id: UserId) -> Arc<UserLimits> {
        let section = self.section;
        self.users.get_with(id, async move { Arc::new(UserLimits::new(section)) }).await
    }

    /// The right of somebody unknown to keep a stream open: together they have
    /// what one user has, so that they never take it from users.
    pub(crate) fn open_stream(&self) -> Result<StreamPermit, Failure> {
        self.stream(Some(&self.anyone))
    }

    /// The right of a user to keep a stream open.
    pub(crate) fn user_stream(&self, user: &UserLimits) -> Result<StreamPermit, Failure> {
        self.stream(Some(user))
    }

    /// The right of an agent to keep a stream open.
    pub(crate) fn agent_stream(&self) -> Result<StreamPermit, Failure> {
        self.stream(None)
    }

    fn stream(&self, user: Option<&UserLimits>) -> Result<StreamPermit, Failure> {
        let full = |_| too_many("TOO_MANY_STREAMS", Duration::from_secs(5));
        let own = user.map(|user| user.streams.clone().try_acquire_owned()).transpose().map_err(full)?;
        let all = self.streams.clone().try_acquire_owned().map_err(full)?;
        Ok(StreamPermit { _all: all, _own: own })
    }
}

impl StreamPermit {
    /// Holds it until the body has been sent or dropped.
    pub(crate) fn held_by<B>(self, body: B) -> Body
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        Body::new(body.map_frame(move |frame| {
            let _held = &self;
            frame
        }))
    }
}

impl UserLimits {
    fn new(section: LimitsSection) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(section.requests_per_user)),
            streams: Arc::new(Semaphore::new(section.streams_per_user)),
            rate: Bucket::new(section.rate_per_user, section.burst_per_user),
        }
    }

    /// The right to one request of this user.
    pub(crate) fn request(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.rate.take(Instant::now()).map_err(|wait| too_many("RATE_LIMITED", wait))?;
        let full = |_| too_many("TOO_MANY_AT_ONCE", Duration::from_secs(1));
        self.requests.clone().try_acquire_owned().map_err(full)
    }
}

fn too_many(reason: &str, wait: Duration) -> Failure {
    let mut failure = Failure::new(ErrorKind::RateLimited, reason, "too many requests; repeat after the stated time");
    failure.retry_after = Some(wait.max(Duration::from_secs(1)));
    failure
}

/// A rate with a burst, by the generic cell rate algorithm: one instant of state.
#[derive(Debug)]
struct Bucket {
    interval: Duration,
    tolerance: Duration,
    next_due: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, tolerance: interval * burst.max(1), next_due: Mutex::new(None) }
    }

    /// Takes one, or says how long to wait.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut next_due = self.next_due.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next_due.map_or(now, |due| due.max(now)) + self.interval;
        let ahead = due.duration_since(now);
        if ahead > self.tolerance {
            return Err(ahead.saturating_sub(self.tolerance));
        }
        *next_due = Some(due);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let bucket = Bucket::new(10, 3);
        let start = Instant::now();
        assert!((0..3).all(|_| bucket.take(start).is_ok()));
        assert_eq!(bucket.take(start), Err(Duration::from_millis(100)));
        assert!(bucket.take(start + Duration::from_millis(100)).is_ok());
        assert!(bucket.take(start + Duration::from_millis(100)).is_err());
    }

    #[tokio::test]
    async fn a_user_at_the_cap_leaves_room_for_others() {
        let limits = Limits::new(LimitsSection { streams_per_user: 1, streams: 2, ..LimitsSection::default() });
        let (one, other) = (limits.user(UserId::generate()).await, limits.user(UserId::generate()).await);
        let held = limits.stream(Some(&one)).expect("the first");
        assert!(limits.stream(Some(&one)).is_err());
        assert!(limits.stream(Some(&other)).is_ok());
        drop(held);
        assert!(limits.stream(Some(&one)).is_ok());
    }
}
