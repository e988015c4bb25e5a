//! Programs in Python: clients that know nothing of our code.
//!
//! `scripts/test` makes a virtual environment with pika, grpcio and jsonschema
//! and names its interpreter in `KATONIC_TEST_PYTHON`.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// A Python program of `tests/python/` with arguments; nothing on its standard input.
pub fn program(name: &str, arguments: &[&str]) -> Result<Command> {
    let interpreter =
        env::var("KATONIC_TEST_PYTHON").context("KATONIC_TEST_PYTHON names no interpreter: run scripts/test")?;
    let mut command = Command::new(interpreter);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)).args(arguments);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs a program to its end; must exit with 0. What it wrote to stdout.
pub async fn ok(mut command: Command) -> Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
