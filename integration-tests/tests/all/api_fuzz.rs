//! What schemathesis makes of the served `OpenAPI` document is answered as that
//! document says, whatever it sends. It sets limits, retires tiers and takes
//! grants away, so it has a platform of its own.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::rest::text;
use libtest_mimic::Trial;
use serde_json::json;

use crate::{Shared, apart};

/// What it asks and checks; it leaves open the token and real objects.
const CONFIGURATION: &str = "schemathesis.toml";

pub fn trials() -> Vec<Trial> {
    vec![apart("whatever_is_asked_the_answer_is_a_documented_one_and_no_5xx", every_answer_is_documented)]
}

async fn every_answer_is_documented(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("fuzzed").await?;
    let execution = rest.submit(&project, &["echo", "fuzzed"]).await?;
    rest.settled(&execution).await?;
    // One that may be revoked.
    let other = rest.post("/tokens", &json!({ "name": "fuzzed", "scopes": ["projects:read"] })).await?;
    let other = text(&other["token"], "tokenId")?;
    let folder = platform.scratch()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(CONFIGURATION);
    fs::copy(here, folder.path().join(CONFIGURATION))?;
    let examples = env::var("KATONIC_TEST_EXAMPLES").unwrap_or_else(|_| "20".to_owned());
    let mut command = Command::new(program()?);
    command
        .args(["run", "--url", platform.url(), "--max-examples", &examples])
        .arg(format!("{}/api/v1/openapi.json", platform.url()))
        .env("KATONIC_TOKEN", platform.admin_token())
        .env("KATONIC_OTHER_TOKEN", &other)
        .env("KATONIC_PROJECT", &project)
        .env("KATONIC_EXECUTION", &execution)
        .current_dir(folder.path())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
    // The token was good to the end: the answers were real ones.
    rest.get("/self").await?;
    Ok(())
}

/// Beside the interpreter that `scripts/test` names.
fn program() -> Result<std::path::PathBuf> {
    let interpreter =
        env::var("KATONIC_TEST_PYTHON").context("KATONIC_TEST_PYTHON names no interpreter: run scripts/test")?;
    Ok(Path::new(&interpreter).with_file_name("schemathesis"))
}
