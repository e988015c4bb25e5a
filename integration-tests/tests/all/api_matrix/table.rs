//! The table as it is read.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, Result, ensure};

/// Where it is kept.
pub const FILE: &str = "integration-tests/tests/all/api_matrix/table.txt";
const TEXT: &str = include_str!("table.txt");

/// What a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody known.
    Unknown,
    /// May know of it, but not do this.
    Denied,
    /// May not know of it, or there is none.
    Hidden,
    /// Whatever else: it was allowed.
    Allowed,
}

impl Outcome {
    /// By HTTP status.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unknown,
            403 => Self::Denied,
            404 => Self::Hidden,
            _ => Self::Allowed,
        }
    }

    fn parse(cell: &str) -> Option<Self> {
        match cell {
            "401" => Some(Self::Unknown),
            "403" => Some(Self::Denied),
            "404" => Some(Self::Hidden),
            "ok" => Some(Self::Allowed),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "401",
            Self::Denied => "403",
            Self::Hidden => "404",
            Self::Allowed => "ok",
        })
    }
}

/// Rows of cells by call, columns by caller.
pub struct Table {
    callers: Vec<&'static str>,
    rows: BTreeMap<&'static str, Vec<Outcome>>,
}

impl Table {
    /// Reads it.
    pub fn read() -> Result<Self> {
        let mut lines = TEXT.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let callers: Vec<_> = lines.next().context("the table is empty")?.split_whitespace().skip(1).collect();
        let mut rows = BTreeMap::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let call = words.next().context("an empty line")?;
            let cells: Option<Vec<_>> = words.map(Outcome::parse).collect();
            let cells = cells.with_context(|| format!("{FILE}: a cell is 401, 403, 404 or ok: {line}"))?;
            ensure!(
                cells.len() == callers.len(),
                "{FILE}: {} cells for {} callers: {line}",
                cells.len(),
                callers.len()
            );
            ensure!(rows.insert(call, cells).is_none(), "{FILE}: {call} is there twice");
        }
        Ok(Self { callers, rows })
    }

    /// The row of a call.
    pub fn row(&self, call: &str) -> Option<&[Outcome]> {
        self.rows.get(call).map(Vec::as_slice)
    }

    /// What a caller gets from a call.
    pub fn cell(&self, call: &str, caller: &str) -> Option<Outcome> {
        let column = self.callers.iter().position(|known| *known == caller)?;
        self.row(call)?.get(column).copied()
    }

    /// The calls that are RPCs.
    pub fn rpcs(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().copied().filter(|call| !call.starts_with("git/"))
    }
}
