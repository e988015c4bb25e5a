//! The values of a metric by step, as user code logged them and its agent thinned them.

use katonic_domain::metric::{LAST_STEP, MOST_NAME_BYTES, MOST_POINTS, MOST_SERIES};
use serde::{Deserialize, Serialize};

/// What was logged of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The metric.
    pub name: String,
    /// How many values were logged.
    pub count: u64,
    /// The steps of those that are kept, in the order in which they were logged.
    pub steps: Vec<u64>,
    /// As many values as steps.
    pub values: Vec<f64>,
}

impl Series {
    fn fits(&self) -> bool {
        (1..=MOST_NAME_BYTES).contains(&self.name.len())
            && (self.steps.len() as u64..=LAST_STEP).contains(&self.count)
            && (1..=MOST_POINTS).contains(&self.steps.len())
            && self.steps.len() == self.values.len()
            && self.steps.iter().all(|step| *step <= LAST_STEP)
            && self.values.iter().all(|value| value.is_finite())
    }
}

/// Whether this is no more than is kept of an execution.
pub fn fit(all: &[Series]) -> bool {
    all.len() <= MOST_SERIES && all.iter().all(Series::fits)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A metric with these values at the steps from 0.
    pub(crate) fn series(name: &str, values: &[f64]) -> Series {
        let steps: Vec<u64> = (0..).take(values.len()).collect();
        Series { name: name.to_owned(), count: steps.len() as u64, steps, values: values.to_vec() }
    }

    #[test]
    fn only_what_is_within_all_bounds_fits() {
        let good = series("loss", &[0.5, 0.25]);
        assert!(fit(&[]) && fit(&vec![good.clone(); MOST_SERIES]));
        assert!(!fit(&vec![good.clone(); MOST_SERIES + 1]));
        for bad in [
            Series { name: String::new(), ..good.clone() },
            Series { name: "x".repeat(MOST_NAME_BYTES + 1), ..good.clone() },
            Series { count: 1, ..good.clone() },
            Series { steps: vec![0], ..good.clone() },
            Series { steps: vec![0, LAST_STEP + 1], ..good.clone() },
            Series { values: vec![0.5, f64::NAN], ..good },
            series("loss", &[]),
            series("loss", &[0.5; MOST_POINTS + 1]),
        ] {
            assert!(!fit(std::slice::from_ref(&bad)), "{bad:?} fits");
        }
    }
}
