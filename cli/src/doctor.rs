//! `katonic doctor`: looks for the mistakes that people make, says what it
//! found, why that is one, and what to do.
//!
//! ```text
//!  gather ──> Facts ──> checks (pure, a table) ──> findings ──> report
//! ```
//! Must hold: it changes nothing, anywhere; it needs nothing to be in order,
//! least of all what it examines; it asks each thing once, with a time limit;
//! a code keeps its meaning for ever. `docs/doctor.md` is made from the table.

use crate::{
    args::Global,
    exit::Exit,
    failure::Failure,
    output::{self, Output},
};

mod check;
mod checks;
mod facts;
mod report;
#[cfg(test)]
mod tests;

use check::{Finding, Severity};
use facts::Facts;

const AFTER_HELP: &str = "\
Looks at this folder, your token, the platform that you use, and the platform of this machine
where there is one. Ends with 0, or with 1 where something is a problem; warnings alone are no
failure. It changes nothing. docs/doctor.md lists what it looks for.

Examples:
  katonic doctor
  katonic doctor --output json | jq -r '.findings[].code'";

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct DoctorArgs {}

/// Looks for mistakes and reports them.
pub async fn run(global: Global, output: Output) -> Result<Exit, Failure> {
    let facts = Facts::gather(global).await;
    let findings: Vec<Finding> = checks::all().flat_map(|check| check.apply(&facts)).collect();
    if output.is_json() {
        output.document(&report::document(&findings))?;
    } else {
        output::print(&report::human(&findings))?;
    }
    let healthy = findings.iter().all(|finding| finding.check.severity == Severity::Warning);
    Ok(if healthy { Exit::OK } else { Exit::FAILED })
}
