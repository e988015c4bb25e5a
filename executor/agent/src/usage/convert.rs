//! From a series to the contract's.

use katonic_domain::usage::{Point, Series, Totals};
use katonic_member::UnixNanos;
use katonic_proto::{
    dispatcher::v1::{UsagePoint, UsageSeries, UsageTotals},
    time::duration,
};

use crate::ship::convert::timestamp;

const NANOS_PER_MS: i64 = 1_000_000;

/// The series of a member whose user code started then.
pub fn series(start: UnixNanos, series: &Series) -> UsageSeries {
    let mut end = start;
    let ended = |point: &Point| {
        let span = i64::try_from(point.span_ms).unwrap_or(i64::MAX).saturating_mul(NANOS_PER_MS);
        end = UnixNanos::new(end.get().saturating_add(span));
        self::point(point, end)
    };
    UsageSeries {
        start_time: Some(timestamp(start)),
        sequence: series.sequence(),
        totals: Some(totals(series.totals())),
        points: series.points().iter().map(ended).collect(),
    }
}

fn totals(totals: &Totals) -> UsageTotals {
    UsageTotals {
        cpu_time: Some(duration(totals.cpu_ms)),
        peak_memory_bytes: totals.peak_memory_bytes,
        read_bytes: totals.read_bytes,
        written_bytes: totals.written_bytes,
        peak_processes: totals.peak_processes,
    }
}

fn point(point: &Point, end: UnixNanos) -> UsagePoint {
    UsagePoint {
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
