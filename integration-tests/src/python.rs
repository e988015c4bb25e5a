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

/// The tests of the Python client, on its sources as they are.
pub fn client_tests() -> Result<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python");
    let mut command = interpreter()?;
    command.args(["-m", "pytest", "-p", "no:cacheprovider"]).env("PYTHONPATH", folder.join("src"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("no_proxy", "127.0.0.1").current_dir(folder);
    Ok(command)
}

fn interpreter() -> Result<Command> {
    let program =
        env::var("KATONIC_TEST_PYTHON").context("KATONIC_TEST_PYTHON names no interpreter: run scripts/test")?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

/// A Python program of `tests/python/` with arguments; nothing on its standard input.
pub fn program(name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = interpreter()?;
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)).args(arguments);
    Ok(command)
}

/// Runs a program to its end; must exit with 0. What it wrote to stdout.
pub async fn ok(mut command: Command) -> Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}\n{}\n{said}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
