//! A measured figure: median, minimum and maximum beside its target.

use std::fmt;

/// What was measured, in the unit that is named.
pub struct Figure {
    name: String,
    unit: &'static str,
    target: Option<f64>,
    samples: Vec<f64>,
}

impl Figure {
    /// The header of the table that figures make.
    pub const HEADER: &'static str =
        "figure                                    n     median        min        max   target";

    /// A figure from its samples; there must be one at least.
    pub fn new(name: impl Into<String>, unit: &'static str, target: Option<f64>, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { name: name.into(), unit, target, samples }
    }

    fn median(&self) -> f64 {
        self.samples.get(self.samples.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{} [{}]", self.name, self.unit);
        let first = self.samples.first().copied().unwrap_or(f64::NAN);
        let last = self.samples.last().copied().unwrap_or(f64::NAN);
        let target = self.target.map(|target| format!("≤ {target}")).unwrap_or_default();
        let (count, median) = (self.samples.len(), self.median());
        write!(f, "{name:<38} {count:>4} {median:>10.2} {first:>10.2} {last:>10.2}   {target}")
    }
}
