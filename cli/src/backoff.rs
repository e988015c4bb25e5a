//! How long to wait before the next try: doubling, with jitter, capped, and
//! over after a stated time without success.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(3);

/// The waits between the tries of one thing.
#[derive(Debug)]
pub struct Backoff {
    patience: Duration,
    failing_since: Option<Instant>,
    ceiling: Duration,
}

impl Backoff {
    /// Waits that end once nothing has succeeded for `patience`.
    pub const fn lasting(patience: Duration) -> Self {
        Self { patience, failing_since: None, ceiling: FIRST }
    }

    /// Something succeeded: the next failure is a first one.
    pub const fn succeeded(&mut self) {
        self.failing_since = None;
        self.ceiling = FIRST;
    }

    /// How long to wait now; `None` once patience has ended.
    pub fn delay(&mut self) -> Option<Duration> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.patience {
            return None;
        }
        let delay = self.ceiling.mul_f64(rand::random_range(0.5..=1.0));
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_and_start_over_after_a_success() {
        let mut backoff = Backoff::lasting(Duration::from_secs(60));
        let waits: Vec<Duration> = (0..20).filter_map(|_| backoff.delay()).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2, "{waits:?}");
        assert!(waits[19] <= LONGEST && waits[19] >= LONGEST / 2, "{waits:?}");
        backoff.succeeded();
        assert!(backoff.delay().is_some_and(|wait| wait <= FIRST));
    }

    #[test]
    fn patience_ends() {
        assert_eq!(Backoff::lasting(Duration::ZERO).delay(), None);
    }
}
