//! Chores of the repository: what is generated and committed, and the rules
//! of STYLE that no other tool checks.

mod configuration;
mod contracts;
mod layers;
mod metrics;
mod readmes;

use anyhow::Result;
use clap::Parser;

/// Chores of the repository.
#[derive(Parser)]
enum Chore {
    /// Writes docs/openapi.yaml, docs/asyncapi.yaml and docs/schemas from the contracts, docs/configuration.md from the
    /// services' files.
    Generate,
    /// Fails where generated files are stale, a layer reaches upward, a room has no door or a metric no line.
    Check,
}

fn main() -> Result<()> {
    match Chore::parse() {
        Chore::Generate => contracts::generate(),
        Chore::Check => {
            contracts::check()?;
            layers::check()?;
            metrics::check()?;
            readmes::check()
        }
    }
}

/// The root of the repository.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
