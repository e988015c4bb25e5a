//! `katonic version`.

use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::{self, Output},
};

/// Prints the version of this program.
pub fn run(output: Output) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if output.is_json() {
        output.document(&json!({ "version": version }))?;
    } else {
        output::print(&format!("katonic {version}\n"))?;
    }
    Ok(Exit::OK)
}
