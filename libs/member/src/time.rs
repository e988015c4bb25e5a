//! Wall-clock time as the spool and the records carry it.
//!
//! It is shown, never compared to decide: durations that decide are counted on
//! monotonic clocks (DESIGN X6).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 UTC; good until the year 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixNanos(i64);

impl UnixNanos {
    /// The present time.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// That many nanoseconds since 1970.
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole seconds and the nanoseconds beyond them, as protobuf has it.
    pub fn parts(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000_000_000);
        (self.0.div_euclid(1_000_000_000), i32::try_from(nanos).unwrap_or(0))
    }
}

impl From<SystemTime> for UnixNanos {
    /// Times before 1970 are as if it were then.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_time_before_1970_keep_positive_nanos() {
        assert_eq!(UnixNanos::new(-1).parts(), (-1, 999_999_999));
        assert_eq!(UnixNanos::new(1_500_000_000).parts(), (1, 500_000_000));
    }
}
