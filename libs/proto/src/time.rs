//! Times and durations as the contracts have them: one conversion, so that every owner's
//! answers and events agree.

use katonic_domain::Timestamp;

/// A time as `google.protobuf.Timestamp`, whose nanoseconds count forward also before 1970.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.subsec_nanosecond();
    let (seconds, nanos) =
        if nanos < 0 { (at.as_second() - 1, nanos + 1_000_000_000) } else { (at.as_second(), nanos) };
    prost_types::Timestamp { seconds, nanos }
}

/// A number of milliseconds as `google.protobuf.Duration`.
pub fn duration(millis: u64) -> prost_types::Duration {
    let nanos = i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    prost_types::Duration { seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX), nanos }
}

/// The milliseconds of a duration; 0 of a negative one.
pub fn millis(duration: &prost_types::Duration) -> u64 {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    let nanos = u64::try_from(duration.nanos).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_survive_the_wire() {
        for value in [0, 999, 1_000, 86_400_001] {
            assert_eq!(millis(&duration(value)), value);
        }
        assert_eq!(duration(1_500), prost_types::Duration { seconds: 1, nanos: 500_000_000 });
        assert_eq!(millis(&prost_types::Duration { seconds: -1, nanos: 0 }), 0);
    }

    #[test]
    fn nanoseconds_count_forward_before_and_after_1970() {
        for (nanoseconds, seconds, nanos) in
            [(1_500_000_000, 1, 500_000_000), (-500_000_000, -1, 500_000_000), (0, 0, 0)]
        {
            let at = Timestamp::from_nanosecond(nanoseconds).expect("a time");
            assert_eq!(timestamp(at), prost_types::Timestamp { seconds, nanos });
        }
    }
}
