//! The public form of what was used.

use katonic_domain::{
    Timestamp,
    usage::{Point, Totals, coarser},
};
use katonic_proto::{
    dispatcher::v1 as pb,
    time::{duration, timestamp},
};

use crate::domain::{consumption::Consumption, metered::Metered, spec::Tier};

/// What an execution used, and what that costs in its tier.
pub fn usage(used: &Consumption, tier: &Tier) -> pb::Usage {
    let measured = used.measured.unwrap_or_default();
    let wasted = used.wasted(tier);
    pb::Usage {
        run_time: Some(duration(used.run_ms)),
        cpu_time: used.measured.map(|measured| duration(measured.cpu_ms)),
        peak_memory_bytes: measured.peak_memory_bytes,
        read_bytes: measured.read_bytes,
        written_bytes: measured.written_bytes,
        wasted_cpu_percent: wasted.map(|wasted| wasted.cpu),
        wasted_memory_percent: wasted.map(|wasted| wasted.memory),
        cost_micros: used.cost_micros(tier),
        currency: tier.currency.clone(),
    }
}

/// What a member used over time, in at most so many points.
pub fn member_usage(metered: &Metered, most: usize) -> pb::MemberUsage {
    let mut ended_ms = 0_u64;
    let ended = |point: &Point| {
        ended_ms = ended_ms.saturating_add(point.span_ms);
        self::point(point, after(metered.started_at, ended_ms))
    };
    let series = pb::UsageSeries {
        start_time: Some(timestamp(metered.started_at)),
        sequence: metered.series.sequence(),
        totals: Some(totals(metered.series.totals())),
        points: coarser(metered.series.points(), most).iter().map(ended).collect(),
    };
    pb::MemberUsage { member_id: metered.member.to_string(), series: Some(series) }
}

/// A time that is none any more is the last that there is.
fn after(start: Timestamp, millis: u64) -> Timestamp {
    start.checked_add(std::time::Duration::from_millis(millis)).unwrap_or(Timestamp::MAX)
}

fn totals(totals: &Totals) -> pb::UsageTotals {
    pb::UsageTotals {
        cpu_time: Some(duration(totals.cpu_ms)),
        peak_memory_bytes: totals.peak_memory_bytes,
        read_bytes: totals.read_bytes,
        written_bytes: totals.written_bytes,
        peak_processes: totals.peak_processes,
    }
}

fn point(point: &Point, end: Timestamp) -> pb::UsagePoint {
    pb::UsagePoint {
        end_time: Some(timestamp(end)),
        span: Some(duration(point.span_ms)),
        samples: point.samples,
        cpu_time: Some(duration(point.cpu_ms)),
        peak_cpu_millis: point.peak_cpu_millis,
        memory_bytes: point.memory_bytes(),
        peak_memory_bytes: point.peak_memory_bytes,
        read_bytes: point.read_bytes,
        peak_read_bytes_per_second: point.peak_read_bytes,
        written_bytes: point.written_bytes,
        peak_written_bytes_per_second: point.peak_written_bytes,
        processes: point.processes(),
        peak_processes: point.peak_processes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{execution::tests::at, metered::tests::metered, spec::tests::spec};

    #[test]
    fn points_end_one_after_the_other_and_are_as_few_as_was_asked_for() {
        let shown = member_usage(&metered(8, 1), 4);
        let points = shown.series.expect("a series").points;
        let ends: Vec<_> = points.iter().map(|point| point.end_time).collect();
        assert_eq!(ends, [12, 22, 32, 42].map(|second| Some(timestamp(at(second)))));
        assert!(points.iter().all(|point| point.samples == 2 && point.memory_bytes == 1 << 30), "{points:?}");
        assert!(points.iter().all(|point| point.peak_cpu_millis == 1000), "{points:?}");
    }

    #[test]
    fn what_was_not_measured_is_not_shown_as_nothing() {
        let shown = usage(&Consumption { run_ms: 1_500, measured: None }, &spec("small", 1).tier);
        assert_eq!((shown.run_time, shown.cpu_time), (Some(duration(1_500)), None));
        assert_eq!((shown.wasted_cpu_percent, shown.wasted_memory_percent), (None, None));
    }
}
