//! The values of one metric as they are logged, thinned as they become more.
//!
//! Kept are every first, 2nd, 4th, 8th … of them, so that what is kept is spread
//! over the whole run, and in any case the first, the last, the smallest and the
//! largest: a loss that exploded once still shows.

use std::collections::BTreeMap;

use katonic_domain::metric::MOST_POINTS;
use katonic_proto::dispatcher::v1::MetricSeries;

/// Points beside the last, the smallest and the largest.
const MOST_REGULAR: usize = MOST_POINTS - 4;

/// A value that was logged.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// As which of its metric, from 0.
    place: u64,
    step: u64,
    value: f64,
}

/// What is kept of a metric's values so far.
#[derive(Debug)]
pub struct Thinned {
    count: u64,
    /// Points whose place is a multiple of it are regular: a power of 2.
    stride: u64,
    regular: BTreeMap<u64, Point>,
    last: Point,
    smallest: Point,
    largest: Point,
}

impl Thinned {
    /// Of a first value.
    pub fn new(step: u64, value: f64) -> Self {
        let first = Point { place: 0, step, value };
        let regular = BTreeMap::from([(0, first)]);
        Self { count: 1, stride: 1, regular, last: first, smallest: first, largest: first }
    }

    /// Takes the next value.
    pub fn push(&mut self, step: u64, value: f64) {
        let point = Point { place: self.count, step, value };
        self.count += 1;
        self.last = point;
        if value < self.smallest.value {
            self.smallest = point;
        }
        if value > self.largest.value {
            self.largest = point;
        }
        if self.regular.len() == MOST_REGULAR && point.place.is_multiple_of(self.stride) {
            self.stride *= 2;
            let stride = self.stride;
            self.regular.retain(|place, _| place.is_multiple_of(stride));
        }
        if point.place.is_multiple_of(self.stride) {
            self.regular.insert(point.place, point);
        }
    }

    /// The value that was logged last.
    pub const fn last(&self) -> f64 {
        self.last.value
    }

    /// What is reported of it.
    pub fn into_series(self, name: String) -> MetricSeries {
        let mut kept = self.regular;
        kept.extend([self.last, self.smallest, self.largest].map(|point| (point.place, point)));
        let (steps, values) = kept.into_values().map(|point| (point.step, point.value)).unzip();
        MetricSeries { name, count: self.count, steps, values }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The step of each is its place.
    fn thinned(values: &[f64]) -> MetricSeries {
        let mut all = (0..).zip(values);
        let (step, value) = all.next().expect("a first value");
        let mut thinned = Thinned::new(step, *value);
        all.for_each(|(step, value)| thinned.push(step, *value));
        thinned.into_series("loss".to_owned())
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_was_logged_and_has_both_ends_and_both_extremes(logged in vec(any::<i32>(), 1..4_000)) {
            let logged: Vec<f64> = logged.into_iter().map(f64::from).collect();
            let series = thinned(&logged);
            prop_assert_eq!(series.count, logged.len() as u64);
            prop_assert!(series.steps.len() <= MOST_POINTS);
            prop_assert!(series.steps.is_sorted_by(|one, next| one < next));
            let places: Vec<usize> = series.steps.iter().map(|step| usize::try_from(*step).expect("a place")).collect();
            let of_places: Vec<f64> = places.iter().map(|place| logged[*place]).collect();
            prop_assert_eq!(bits(&series.values), bits(&of_places));
            prop_assert_eq!((places.first(), places.last()), (Some(&0), Some(&(logged.len() - 1))));
            let smallest = logged.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = logged.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let kept = bits(&series.values);
            prop_assert!(kept.contains(&smallest.to_bits()) && kept.contains(&largest.to_bits()));
        }

        #[test]
        fn what_is_kept_is_spread_over_the_run(count in 1_u32..20_000) {
            let logged: Vec<f64> = (0..count).map(f64::from).collect();
            let steps = thinned(&logged).steps;
            let widest = steps.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            prop_assert!(widest <= u64::from(count / 248).max(1));
        }
    }

    #[test]
    fn few_values_are_kept_as_they_are() {
        let logged: Vec<f64> = (0..496).map(f64::from).collect();
        assert_eq!(bits(&thinned(&logged).values), bits(&logged));
    }
}
