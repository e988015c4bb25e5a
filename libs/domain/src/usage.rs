//! What a process tree uses, as a series of samples that never grows beyond a
//! bound: the longer it runs, the longer is what one point stands for.
//!
//! ```text
//!   a sample each 5 s   ▏▏▏▏▏▏▏▏▏▏▏▏ …   240 points are full after 20 min:
//!                       ▎▎▎▎▎▎ …         each two become one, and a point takes two samples;
//!                       ▌▌▌ …            then four, eight …
//! ```
//!
//! Must hold: merging changes no total and no peak.

use serde::{Deserialize, Serialize};

/// A series has no more points.
pub const MAX_POINTS: usize = 240;

/// What is seen at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// When, from the start on.
    pub at_ms: u64,
    /// Processor time since the start.
    pub cpu_ms: u64,
    /// Memory that is held now.
    pub memory_bytes: u64,
    /// Bytes that were read from disks since the start.
    pub read_bytes: u64,
    /// Bytes that were written to disks since the start.
    pub written_bytes: u64,
    /// Processes that there are now.
    pub processes: u64,
}

/// What was used in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Point {
    /// How long it is.
    pub span_ms: u64,
    /// How many samples it is made of.
    pub samples: u64,
    /// Processor time in it.
    pub cpu_ms: u64,
    /// The most between two samples, in thousandths of a core.
    pub peak_cpu_millis: u64,
    /// Memory, summed over its samples.
    pub memory_sum_bytes: u64,
    /// The most memory that a sample found.
    pub peak_memory_bytes: u64,
    /// Bytes that were read in it.
    pub read_bytes: u64,
    /// The most between two samples, per second.
    pub peak_read_bytes: u64,
    /// Bytes that were written in it.
    pub written_bytes: u64,
    /// The most between two samples, per second.
    pub peak_written_bytes: u64,
    /// Processes, summed over its samples.
    pub processes_sum: u64,
    /// The most processes that a sample found.
    pub peak_processes: u64,
}

/// A point as it is kept: with names it would be four times as long.
type Row = [u64; 12];

/// What was used since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Processor time.
    pub cpu_ms: u64,
    /// The most memory that was found.
    pub peak_memory_bytes: u64,
    /// Bytes that were read from disks.
    pub read_bytes: u64,
    /// Bytes that were written to disks.
    pub written_bytes: u64,
    /// The most processes that were found.
    pub peak_processes: u64,
}

/// What was used, over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    sequence: u64,
    totals: Totals,
    points: Vec<Point>,
}

impl Series {
    /// One that was told; points beyond the bound are merged.
    pub fn told(sequence: u64, totals: Totals, points: &[Point]) -> Self {
        Self { sequence, totals, points: coarser(points, MAX_POINTS) }
    }

    /// Rises with every change: of two states of one series, the higher one is the later.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What was used since the start.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Its points, oldest first, each beginning where the one before it ends.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Takes a sample. What counts from the start never falls: where a counter does, as with a process that
    /// nobody waited for, it stands until that is made up for. One from before the last is left out.
    pub fn take(&mut self, sample: &Sample) {
        let covered: u64 = self.points.iter().map(|point| point.span_ms).sum();
        let span_ms = sample.at_ms.saturating_sub(covered);
        if span_ms == 0 {
            return;
        }
        let before = self.totals;
        self.raise(&Totals {
            cpu_ms: sample.cpu_ms,
            peak_memory_bytes: sample.memory_bytes,
            read_bytes: sample.read_bytes,
            written_bytes: sample.written_bytes,
            peak_processes: sample.processes,
        });
        let cpu_ms = self.totals.cpu_ms - before.cpu_ms;
        let read_bytes = self.totals.read_bytes - before.read_bytes;
        let written_bytes = self.totals.written_bytes - before.written_bytes;
        self.add(Point {
            span_ms,
            samples: 1,
            cpu_ms,
            peak_cpu_millis: per_second(cpu_ms, span_ms),
            memory_sum_bytes: sample.memory_bytes,
            peak_memory_bytes: sample.memory_bytes,
            read_bytes,
            peak_read_bytes: per_second(read_bytes, span_ms),
            written_bytes,
            peak_written_bytes: per_second(written_bytes, span_ms),
            processes_sum: sample.processes,
            peak_processes: sample.processes,
        });
    }

    /// Raises the totals to what is known from elsewhere, such as from whoever waited for the processes.
    pub fn raise(&mut self, known: &Totals) {
        let raised = Totals {
            cpu_ms: self.totals.cpu_ms.max(known.cpu_ms),
            peak_memory_bytes: self.totals.peak_memory_bytes.max(known.peak_memory_bytes),
            read_bytes: self.totals.read_bytes.max(known.read_bytes),
            written_bytes: self.totals.written_bytes.max(known.written_bytes),
            peak_processes: self.totals.peak_processes.max(known.peak_processes),
        };
        self.totals = raised;
        self.sequence += 1;
    }

    fn add(&mut self, point: Point) {
        // Every point but the last is full.
        let full = self.points.first().map_or(1, |first| first.samples);
        match self.points.last_mut().filter(|last| last.samples < full) {
            Some(last) => *last = last.with(&point),
            None => self.points.push(point),
        }
        if self.points.len() > MAX_POINTS {
            self.points = pairs(&self.points);
        }
    }
}

impl Point {
    /// The mean memory of its samples.
    pub fn memory_bytes(&self) -> u64 {
        mean(self.memory_sum_bytes, self.samples)
    }

    /// The mean number of processes of its samples.
    pub fn processes(&self) -> u64 {
        mean(self.processes_sum, self.samples)
    }

    /// Both as one.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            span_ms: self.span_ms.saturating_add(other.span_ms),
            samples: self.samples.saturating_add(other.samples),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
            peak_cpu_millis: self.peak_cpu_millis.max(other.peak_cpu_millis),
            memory_sum_bytes: self.memory_sum_bytes.saturating_add(other.memory_sum_bytes),
            peak_memory_bytes: self.peak_memory_bytes.max(other.peak_memory_bytes),
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
            peak_read_bytes: self.peak_read_bytes.max(other.peak_read_bytes),
            written_bytes: self.written_bytes.saturating_add(other.written_bytes),
            peak_written_bytes: self.peak_written_bytes.max(other.peak_written_bytes),
            processes_sum: self.processes_sum.saturating_add(other.processes_sum),
            peak_processes: self.peak_processes.max(other.peak_processes),
        }
    }
}

impl From<Row> for Point {
    fn from(row: Row) -> Self {
        let [span_ms, samples, cpu_ms, peak_cpu_millis, memory_sum_bytes, peak_memory_bytes, rest @ ..] = row;
        let [read_bytes, peak_read_bytes, written_bytes, peak_written_bytes, processes_sum, peak_processes] = rest;
        Self {
            span_ms,
            samples,
            cpu_ms,
            peak_cpu_millis,
            memory_sum_bytes,
            peak_memory_bytes,
            read_bytes,
            peak_read_bytes,
            written_bytes,
            peak_written_bytes,
            processes_sum,
            peak_processes,
        }
    }
}

impl From<Point> for Row {
    fn from(point: Point) -> Self {
        [
            point.span_ms,
            point.samples,
            point.cpu_ms,
            point.peak_cpu_millis,
            point.memory_sum_bytes,
            point.peak_memory_bytes,
            point.read_bytes,
            point.peak_read_bytes,
            point.written_bytes,
            point.peak_written_bytes,
            point.processes_sum,
            point.peak_processes,
        ]
    }
}

/// The same in at most so many points: neighbours become one.
pub fn coarser(points: &[Point], most: usize) -> Vec<Point> {
    let each = points.len().div_ceil(most.max(1)).max(1);
    points.chunks(each).map(merged).collect()
}

/// Each two as one. A last one without a neighbour stays as it is: it is not full.
fn pairs(points: &[Point]) -> Vec<Point> {
    points.chunks(2).map(merged).collect()
}

fn merged(points: &[Point]) -> Point {
    points.iter().fold(Point::default(), |all, point| all.with(point))
}

const fn per_second(amount: u64, span_ms: u64) -> u64 {
    amount.saturating_mul(1000) / span_ms
}

fn mean(sum: u64, samples: u64) -> u64 {
    sum.checked_div(samples).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn sample() -> impl Strategy<Value = Sample> {
        (1_u64..60_000, 0_u64..600_000, 0_u64..1 << 40, 0_u64..1 << 40, 0_u64..1 << 40, 0_u64..5_000).prop_map(
            |(at_ms, cpu_ms, memory_bytes, read_bytes, written_bytes, processes)| Sample {
                at_ms,
                cpu_ms,
                memory_bytes,
                read_bytes,
                written_bytes,
                processes,
            },
        )
    }

    /// Samples as they come: each later than the one before it, whatever it counts.
    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        vec(sample(), 0..2_000).prop_map(|mut samples| {
            let mut at_ms = 0;
            for sample in &mut samples {
                at_ms += sample.at_ms;
                sample.at_ms = at_ms;
            }
            samples
        })
    }

    fn series_of(samples: &[Sample]) -> Series {
        let mut series = Series::default();
        samples.iter().for_each(|sample| series.take(sample));
        series
    }

    fn sum(points: &[Point], of: impl Fn(&Point) -> u64) -> u64 {
        points.iter().map(of).sum()
    }

    fn most<T>(all: &[T], of: impl Fn(&T) -> u64) -> u64 {
        all.iter().map(of).max().unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn totals_and_peaks_are_those_of_the_samples(samples in samples()) {
            let series = series_of(&samples);
            let totals = series.totals();
            prop_assert_eq!(totals.cpu_ms, most(&samples, |sample| sample.cpu_ms));
            prop_assert_eq!(totals.read_bytes, most(&samples, |sample| sample.read_bytes));
            prop_assert_eq!(totals.written_bytes, most(&samples, |sample| sample.written_bytes));
            prop_assert_eq!(totals.peak_memory_bytes, most(&samples, |sample| sample.memory_bytes));
            prop_assert_eq!(totals.peak_processes, most(&samples, |sample| sample.processes));
            prop_assert_eq!(series.sequence(), samples.len() as u64);
        }

        #[test]
        fn merging_changes_no_total_and_no_peak(samples in samples()) {
            let series = series_of(&samples);
            let points = series.points();
            let totals = series.totals();
            prop_assert_eq!(sum(points, |point| point.samples), samples.len() as u64);
            prop_assert_eq!(sum(points, |point| point.span_ms), samples.last().map_or(0, |last| last.at_ms));
            prop_assert_eq!(sum(points, |point| point.cpu_ms), totals.cpu_ms);
            prop_assert_eq!(sum(points, |point| point.read_bytes), totals.read_bytes);
            prop_assert_eq!(sum(points, |point| point.written_bytes), totals.written_bytes);
            prop_assert_eq!(
                sum(points, |point| point.memory_sum_bytes),
                samples.iter().map(|sample| sample.memory_bytes).sum::<u64>()
            );
            prop_assert_eq!(most(points, |point| point.peak_memory_bytes), totals.peak_memory_bytes);
            prop_assert_eq!(most(points, |point| point.peak_processes), totals.peak_processes);
        }

        #[test]
        fn the_bound_is_never_exceeded(samples in samples()) {
            let mut series = Series::default();
            for sample in &samples {
                series.take(sample);
                prop_assert!(series.points().len() <= MAX_POINTS);
                if let [full @ .., last] = series.points() {
                    let each = series.points()[0].samples;
                    prop_assert!(full.iter().all(|point| point.samples == each) && last.samples <= each);
                }
            }
        }

        #[test]
        fn coarser_points_say_the_same_in_fewer(samples in samples(), most_points in 1_usize..40) {
            let series = series_of(&samples);
            let fewer = coarser(series.points(), most_points);
            prop_assert!(fewer.len() <= most_points);
            prop_assert_eq!(merged(&fewer), merged(series.points()));
        }

        #[test]
        fn a_series_survives_being_kept(samples in samples()) {
            let series = series_of(&samples);
            let told = Series::told(series.sequence(), *series.totals(), series.points());
            prop_assert_eq!(told, series);
            for point in series_of(&samples).points() {
                prop_assert_eq!(Point::from(Row::from(*point)), *point);
            }
        }
    }

    #[test]
    fn a_counter_that_falls_stands_until_that_is_made_up_for() {
        let at = |at_ms, cpu_ms| Sample { at_ms, cpu_ms, ..Sample::default() };
        let series = series_of(&[at(5_000, 4_000), at(10_000, 1_000), at(15_000, 5_000)]);
        let used: Vec<u64> = series.points().iter().map(|point| point.cpu_ms).collect();
        assert_eq!((used, series.totals().cpu_ms), (vec![4_000, 0, 1_000], 5_000));
        assert_eq!(series.points()[0].peak_cpu_millis, 800);
    }

    #[test]
    fn a_sample_from_before_the_last_is_left_out() {
        let at = |at_ms| Sample { at_ms, memory_bytes: at_ms, ..Sample::default() };
        let series = series_of(&[at(5_000), at(4_000), at(5_000)]);
        assert_eq!((series.points().len(), series.sequence()), (1, 1));
    }

    #[test]
    fn what_is_known_from_elsewhere_raises_totals_and_changes_no_point() {
        let mut series = series_of(&[Sample { at_ms: 5_000, cpu_ms: 100, memory_bytes: 7, ..Sample::default() }]);
        series.raise(&Totals { cpu_ms: 900, peak_memory_bytes: 3, ..Totals::default() });
        assert_eq!((series.totals().cpu_ms, series.totals().peak_memory_bytes), (900, 7));
        assert_eq!((series.sequence(), series.points()[0].cpu_ms), (2, 100));
    }
}
