//! Whether another attempt follows one that failed, and when.
//!
//! Must hold: what succeeded or was stopped is never tried again, whatever the policy.

use std::time::Duration;

use katonic_domain::error::Violation;
use serde::{Deserialize, Serialize};

use crate::domain::reason::{Class, Reason};

/// As many as an execution shows.
pub const MAX_ATTEMPTS: u32 = 20;
const DEFAULT_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);

/// How often an execution is tried, and after which ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// Before the second attempt; twice as long before each further one, up to an hour.
    pub backoff_ms: u64,
    /// After which ends.
    pub on: Vec<Class>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 1, backoff_ms: millis(DEFAULT_BACKOFF), on: vec![Class::Infrastructure] }
    }
}

impl RetryPolicy {
    /// How long after an attempt that ended so the next one may begin; none means that it was the last.
    pub fn after(&self, attempt: u32, reason: Reason) -> Option<Duration> {
        let class = reason.class();
        let again = attempt < self.max_attempts && can_be_tried_again(class) && self.on.contains(&class);
        again.then(|| self.backoff(attempt))
    }

    fn backoff(&self, attempt: u32) -> Duration {
        let doubled = 2_u64.saturating_pow(attempt.saturating_sub(1));
        Duration::from_millis(self.backoff_ms.saturating_mul(doubled)).min(LONGEST_BACKOFF)
    }
}

/// A policy as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryForm {
    /// 0 means 1.
    pub max_attempts: u32,
    /// None means 10 s.
    pub backoff: Option<Duration>,
    /// Empty means [`Class::Infrastructure`].
    pub on: Vec<Class>,
}

impl RetryForm {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<RetryPolicy, Vec<Violation>> {
        let mut violations = Vec::new();
        let mut refuse = |field: &str, why: &str| violations.push(Violation::new(field, why));
        let (default, backoff) = (RetryPolicy::default(), self.backoff.unwrap_or(DEFAULT_BACKOFF));
        if self.max_attempts > MAX_ATTEMPTS {
            refuse("retry.max_attempts", "is more than 20");
        }
        if backoff > LONGEST_BACKOFF {
            refuse("retry.backoff", "is longer than 1 h");
        }
        if !self.on.iter().copied().all(can_be_tried_again) {
            refuse("retry.classes", "names ends that are none or not tried again");
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let mut on = if self.on.is_empty() { default.on } else { self.on };
        on.sort_unstable();
        on.dedup();
        Ok(RetryPolicy { max_attempts: self.max_attempts.max(1), backoff_ms: millis(backoff), on })
    }
}

const fn can_be_tried_again(class: Class) -> bool {
    matches!(class, Class::User | Class::Timeout | Class::Infrastructure)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(max_attempts: u32, on: &[Class]) -> RetryPolicy {
        RetryForm { max_attempts, backoff: None, on: on.to_vec() }.check().expect("a policy")
    }

    #[test]
    fn nothing_said_is_one_attempt() {
        assert_eq!(RetryForm::default().check(), Ok(RetryPolicy::default()));
        for reason in Reason::ALL {
            assert_eq!(RetryPolicy::default().after(1, reason), None);
        }
    }

    #[test]
    fn a_class_decides_and_the_last_attempt_is_the_last() {
        let policy = policy(3, &[Class::User]);
        assert_eq!(policy.after(1, Reason::ExitCode), Some(Duration::from_secs(10)));
        assert_eq!(policy.after(2, Reason::KilledBySignal), Some(Duration::from_secs(20)));
        assert_eq!(policy.after(3, Reason::ExitCode), None);
        assert_eq!(policy.after(1, Reason::ShimLost), None);
    }

    #[test]
    fn what_succeeded_or_was_stopped_is_never_tried_again() {
        let every = RetryPolicy {
            on: vec![Class::Success, Class::Stopped, Class::User, Class::Timeout, Class::Infrastructure],
            ..policy(20, &[])
        };
        for reason in Reason::ALL {
            let expected = !matches!(reason, Reason::Completed | Reason::StoppedByUser);
            assert_eq!(every.after(1, reason).is_some(), expected, "{reason:?}");
        }
    }

    #[test]
    fn waiting_doubles_up_to_an_hour() {
        let policy = policy(20, &[]);
        let waits: Vec<u64> =
            (1..12).filter_map(|attempt| policy.after(attempt, Reason::ShimLost)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let form = RetryForm {
            max_attempts: 21,
            backoff: Some(LONGEST_BACKOFF + Duration::from_millis(1)),
            on: vec![Class::Success],
        };
        let fields: Vec<String> = form.check().expect_err("was taken").into_iter().map(|wrong| wrong.field).collect();
        assert_eq!(fields, ["retry.max_attempts", "retry.backoff", "retry.classes"]);
    }
}
