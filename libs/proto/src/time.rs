//! Times as the contracts have them: one conversion, so that every owner's
//! answers and events agree.

use katonic_domain::Timestamp;

/// A time as `google.protobuf.Timestamp`, whose nanoseconds count forward also before 1970.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.subsec_nanosecond();
    let (seconds, nanos) =
        if nanos < 0 { (at.as_second() - 1, nanos + 1_000_000_000) } else { (at.as_second(), nanos) };
    prost_types::Timestamp { seconds, nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

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
