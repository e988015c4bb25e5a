//! Chores of the repository: what is generated and committed, and the rules
//! of STYLE that no other tool checks.

mod book;
mod configuration;
mod contracts;
mod errors;
mod layers;
mod links;
mod metrics;
mod readmes;

use anyhow::Result;
use clap::Parser;

/// Chores of the repository.
#[derive(Parser)]
enum Chore {
    /// Writes what is made from contracts, programs and configuration files: docs/{openapi,asyncapi}.yaml, docs/schemas,
    /// docs/configuration.md, pages of docs/book.
    Generate,
    /// Fails where a generated file is stale, a layer reaches upward, a room has no door, an error no words, a metric no
    /// line or a link no end.
    Check,
}

fn main() -> Result<()> {
    match Chore::parse() {
        Chore::Generate => contracts::generate(),
        Chore::Check => {
            contracts::check()?;
            errors::check()?;
            layers::check()?;
            links::check()?;
            metrics::check()?;
            readmes::check()
        }
    }
}

/// The root of the repository.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
