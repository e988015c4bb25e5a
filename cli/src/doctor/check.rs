//! What a check is: words that never change with what was found, and a pure
//! function that finds it.

use super::facts::Facts;

/// How bad a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work, or is not safe.
    Problem,
    /// It works, and will surprise somebody.
    Warning,
}

impl Severity {
    /// As in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
        }
    }
}

/// Where a next step names what was found.
pub const IT: &str = "{it}";

/// A mistake that the doctor knows.
pub struct Check {
    /// Names it for ever.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Why it is one: what follows from it.
    pub cause: &'static str,
    /// What to do, as an imperative; [`IT`] stands for what was found.
    pub next: &'static str,
    /// Finds it; empty where all is well.
    pub find: fn(&Facts) -> Vec<Found>,
}

/// Something that a check found.
#[derive(Debug)]
pub struct Found {
    fact: String,
    it: String,
}

impl Found {
    /// A fact about `it`, which may stand in a command of the next step.
    pub fn new(it: impl ToString, fact: impl Into<String>) -> Self {
        Self { fact: fact.into(), it: it.to_string() }
    }

    /// A fact whose next step is the same wherever it is found.
    pub fn fact(fact: impl Into<String>) -> Self {
        Self::new("", fact)
    }
}

/// A mistake that was made here.
pub struct Finding {
    /// Which one.
    pub check: &'static Check,
    /// What was found.
    pub fact: String,
    /// What to do about it.
    pub next: String,
}

impl Check {
    /// What it finds in these facts.
    pub fn apply(&'static self, facts: &Facts) -> Vec<Finding> {
        let finding = |found: Found| Finding { check: self, next: self.next.replace(IT, &found.it), fact: found.fact };
        (self.find)(facts).into_iter().map(finding).collect()
    }
}
