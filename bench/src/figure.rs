//! A measured figure: median, minimum and maximum beside its target.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// What was measured, in the unit that is named.
#[derive(Debug, Serialize)]
pub struct Figure {
    name: String,
    unit: &'static str,
    target: Option<f64>,
    count: usize,
    median: f64,
    min: f64,
    max: f64,
}

impl Figure {
    /// A figure from its samples; there must be one at least.
    pub fn new(name: impl Into<String>, unit: &'static str, target: Option<f64>, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        let count = samples.len();
        let (median, min, max) = (at(count / 2), at(0), at(count.saturating_sub(1)));
        Self { name: name.into(), unit, target, count, median, min, max }
    }

    /// Half of the samples are not above it.
    pub const fn median(&self) -> f64 {
        self.median
    }

    /// Its name and unit.
    pub fn title(&self) -> String {
        format!("{} [{}]", self.name, self.unit)
    }

    /// How many samples there are.
    pub const fn count(&self) -> usize {
        self.count
    }
}

/// All figures, for people.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["figure", "n", "median", "min", "max", "target"]);
    for figure in figures {
        let mut cells = vec![figure.title(), figure.count.to_string()];
        cells.extend([figure.median, figure.min, figure.max].map(|number| format!("{number:.2}")));
        cells.push(figure.target.map(|target| format!("≤ {target}")).unwrap_or_default());
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}
