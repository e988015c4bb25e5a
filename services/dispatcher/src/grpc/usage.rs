//! What agents say their members used, as the domain has it. Nothing is refused
//! for its numbers: an end must not wait for them.

use katonic_domain::{
    MemberId,
    usage::{MAX_POINTS, Point, Series, Totals},
};
use katonic_proto::{dispatcher::v1 as pb, time::millis};
use katonic_service::fields;
use tonic::Status;

use super::convert::time;
use crate::domain::metered::Metered;

/// More than any member has of anything; what many of them come to still fits into the store.
const LARGEST: u64 = 1 << 53;
/// Some 280 years, as above; the contract's durations end at 10,000.
const LONGEST_MS: u64 = 1 << 43;
/// The store's numbers have a sign.
const LARGEST_SUM: u64 = i64::MAX.unsigned_abs();

/// What a member used.
pub fn metered(member: MemberId, series: pb::UsageSeries) -> Result<Metered, Status> {
    let started = series.start_time.ok_or_else(|| fields::invalid("start_time", "is not set"))?;
    let totals = totals(&series.totals.unwrap_or_default());
    let points: Vec<Point> = series.points.iter().take(MAX_POINTS).map(point).collect();
    let sequence = series.sequence.min(LARGEST);
    let started_at = time("start_time", started)?;
    Ok(Metered { member, started_at, series: Series::told(sequence, totals, &points) })
}

/// How many points are shown of each member: 0 means all.
pub fn max_points(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(MAX_POINTS),
        Ok(points) if points <= MAX_POINTS => Ok(points),
        _ => Err(fields::invalid("max_points", "is not between 1 and 240")),
    }
}

fn totals(totals: &pb::UsageTotals) -> Totals {
    Totals {
        cpu_ms: milliseconds(totals.cpu_time.as_ref()),
        peak_memory_bytes: totals.peak_memory_bytes.min(LARGEST),
        read_bytes: totals.read_bytes.min(LARGEST),
        written_bytes: totals.written_bytes.min(LARGEST),
        peak_processes: totals.peak_processes.min(LARGEST),
    }
}

fn point(point: &pb::UsagePoint) -> Point {
    let sum = |mean: u64| mean.saturating_mul(point.samples).min(LARGEST_SUM);
    Point {
        span_ms: milliseconds(point.span.as_ref()),
        samples: point.samples.min(LARGEST),
        cpu_ms: milliseconds(point.cpu_time.as_ref()),
        peak_cpu_millis: point.peak_cpu_millis.min(LARGEST),
        memory_sum_bytes: sum(point.memory_bytes),
        peak_memory_bytes: point.peak_memory_bytes.min(LARGEST),
        read_bytes: point.read_bytes.min(LARGEST),
        peak_read_bytes: point.peak_read_bytes_per_second.min(LARGEST),
        written_bytes: point.written_bytes.min(LARGEST),
        peak_written_bytes: point.peak_written_bytes_per_second.min(LARGEST),
        processes_sum: sum(point.processes),
        peak_processes: point.peak_processes.min(LARGEST),
    }
}

fn milliseconds(duration: Option<&prost_types::Duration>) -> u64 {
    duration.map_or(0, millis).min(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{execution::tests::running, member::tests::member_of, metered::tests},
        snapshot,
    };

    #[test]
    fn what_an_agent_says_is_what_is_shown() {
        let known = tests::metered(8, 1);
        let shown = snapshot::member_usage(&known, MAX_POINTS).series.expect("a series");
        assert_eq!(metered(known.member.clone(), shown).expect("read"), known);
    }

    #[test]
    fn whatever_is_said_fits_into_the_store() {
        let point = pb::UsagePoint { samples: u64::MAX, memory_bytes: u64::MAX, ..Default::default() };
        let series = pb::UsageSeries {
            start_time: Some(prost_types::Timestamp::default()),
            sequence: u64::MAX,
            totals: Some(pb::UsageTotals { read_bytes: u64::MAX, ..Default::default() }),
            points: vec![point; 1_000],
        };
        let metered = metered(member_of(&running()).id, series).expect("taken");
        assert_eq!((metered.series.sequence(), metered.series.totals().read_bytes), (LARGEST, LARGEST));
        assert_eq!(metered.series.points().len(), MAX_POINTS);
        assert!(metered.series.points().iter().all(|point| point.memory_sum_bytes == LARGEST_SUM));
    }

    #[test]
    fn as_many_points_are_shown_as_there_can_be() {
        assert_eq!([0, 1, 240].map(|asked| max_points(asked).ok()), [Some(240), Some(1), Some(240)]);
        assert!(max_points(-1).is_err() && max_points(241).is_err());
    }
}
