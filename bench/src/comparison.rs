//! The product beside its floor on one path: percentiles and their ratio.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Samples of one side, in order of size.
#[derive(Debug, Default)]
struct Samples(Vec<f64>);

/// What a side's samples say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// Half of them are not above this.
    pub p50: f64,
    /// 95 of 100 are not above this.
    pub p95: f64,
    /// 99 of 100 are not above this.
    pub p99: f64,
}

/// One path.
#[derive(Debug)]
pub struct Comparison {
    path: &'static str,
    product: Samples,
    floor: Samples,
}

/// One path, summed up.
#[derive(Debug, Serialize)]
pub struct Row {
    path: &'static str,
    unit: &'static str,
    product: Summary,
    floor: Summary,
    /// Product over floor, of the medians.
    ratio: f64,
}

impl Samples {
    fn add(&mut self, sample: f64) {
        let place = self.0.partition_point(|known| *known < sample);
        self.0.insert(place, sample);
    }

    /// The smallest sample that so many of a hundred are not above.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    fn summary(&self) -> Summary {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| self.percentile(percent));
        Summary { count: self.0.len(), p50, p95, p99 }
    }
}

impl Comparison {
    /// A path that is measured in milliseconds.
    pub fn in_ms(path: &'static str) -> Self {
        Self { path, product: Samples::default(), floor: Samples::default() }
    }

    /// Adds a sample of a side.
    pub fn add(&mut self, side: &str, sample: f64) {
        if side == "floor" { self.floor.add(sample) } else { self.product.add(sample) }
    }

    /// What it says.
    pub fn row(&self) -> Row {
        let (product, floor) = (self.product.summary(), self.floor.summary());
        Row { path: self.path, unit: "ms", product, floor, ratio: product.p50 / floor.p50 }
    }
}

/// All paths, for people.
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["path", "n", "p50", "p95", "p99", "floor p50", "p95", "p99", "ratio"]);
    for Row { path, unit, product, floor, ratio } in rows {
        let numbers = [product.p50, product.p95, product.p99, floor.p50, floor.p95, floor.p99, *ratio];
        let mut cells = vec![format!("{path} [{unit}]"), product.count.to_string()];
        cells.extend(numbers.map(|number| format!("{number:.2}")));
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_that_were_taken() {
        let mut samples = Samples::default();
        (1..=200).rev().for_each(|n| samples.add(f64::from(n)));
        let Summary { count, p50, p95, p99 } = samples.summary();
        assert_eq!((count, p50, p95, p99), (200, 100.0, 190.0, 198.0));
    }

    #[test]
    fn the_ratio_is_of_medians() {
        let mut comparison = Comparison::in_ms("path");
        [2.0, 3.0, 100.0].into_iter().for_each(|ms| comparison.add("product", ms));
        [1.0, 2.0, 9.0].into_iter().for_each(|ms| comparison.add("floor", ms));
        assert!((comparison.row().ratio - 1.5).abs() < f64::EPSILON);
    }
}
