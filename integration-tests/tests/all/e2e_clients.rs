//! REST, a generated Python gRPC client and the CLI say the same.

use std::path::Path;

use anyhow::{Result, ensure};
use katonic_integration_tests::python;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("rest_python_and_cli_see_the_same_execution_and_log", all_clients_see_the_same),
        shared("the_python_client_passes_its_own_tests", the_python_client_passes_its_own_tests),
        shared("the_openapi_document_is_served", the_openapi_document_is_served),
        shared("health_and_metrics_tell_the_truth", health_and_metrics_tell_the_truth),
    ]
}

async fn all_clients_see_the_same(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("all-clients").await?;
    let id = rest.submit(&project, &["sh", "-c", "echo one; echo two >&2; echo made > made.txt"]).await?;
    let by_rest = rest.settled(&id).await?;
    let log_by_rest = rest.log(&id).await?;

    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto").display().to_string();
    let program = python::program("client.py", &[platform.url(), platform.admin_token(), &proto, &id])?;
    let by_python: Value = serde_json::from_str(&python::ok(program).await?)?;
    ensure!(by_python["execution"] == by_rest, "{by_python}\n{by_rest}");
    ensure!(by_python["entries"] == Value::from(log_by_rest.clone()), "{by_python}\n{log_by_rest:?}");

    let folder = platform.scratch()?;
    let by_cli = platform.cli(folder.path()).json(&["jobs", "show", &id]).await?;
    ensure!(by_cli == by_rest, "{by_cli}\n{by_rest}");
    let log = platform.cli(folder.path()).output(&["logs", &id]).await?;
    ensure!(log.stdout == b"one\n" && log.stderr == b"two\n", "{log:?}");
    Ok(())
}

async fn the_python_client_passes_its_own_tests(platform: Shared) -> Result<()> {
    let mut tests = python::client_tests()?;
    tests.env("KATONIC_URL", platform.url()).env("KATONIC_TOKEN", platform.admin_token());
    let said = python::ok(tests).await?;
    ensure!(said.contains(" passed") && !said.contains(" skipped"), "{said}");
    Ok(())
}

async fn the_openapi_document_is_served(platform: Shared) -> Result<()> {
    let document = platform.rest().get("/openapi.json").await?;
    ensure!(document == katonic_proto::openapi::document());
    Ok(())
}

async fn health_and_metrics_tell_the_truth(platform: Shared) -> Result<()> {
    for path in ["/healthz", "/readyz"] {
        let status = reqwest::get(format!("{}{path}", platform.url())).await?.status();
        ensure!(status.is_success(), "{path}: {status}");
    }
    let metrics = reqwest::get(format!("{}/metrics", platform.url())).await?.text().await?;
    ensure!(metrics.contains("katonic_"), "{metrics}");
    Ok(())
}
