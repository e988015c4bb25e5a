//! A job is run once more with what was pinned for it, but for what is said.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::rest::text;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_rerun_has_the_files_and_parameters_of_its_first_run", a_rerun_has_what_was_pinned),
        shared("a_rerun_says_what_differs_and_ends_with_its_commands_code", a_rerun_says_what_differs),
        shared("a_repeated_rerun_with_one_key_is_one_job", one_key_is_one_rerun),
    ]
}

const SHOW: &str = "cat data.txt; echo $KATONIC_PARAM_LR";

async fn a_rerun_has_what_was_pinned(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let cli = platform.cli(folder.path());
    fs::write(folder.path().join("data.txt"), "first\n")?;
    let first = cli
        .json(&[
            "run",
            "--project",
            "rerun-pinned",
            "--param",
            "lr=0.1",
            "--tag",
            "kept",
            "--detach",
            "--",
            "sh",
            "-c",
            SHOW,
        ])
        .await?;
    let id = text(&first, "executionId")?;
    fs::write(folder.path().join("data.txt"), "second\n")?;
    cli.output(&["run", "--project", "rerun-pinned", "--", "sh", "-c", SHOW]).await?;
    let again = rest.post(&format!("/executions/{id}:rerun"), &json!({ "params": { "lr": "0.2" } })).await?;
    let ended = rest.ended(&text(&again, "executionId")?).await?;
    ensure!(ended["rerunOf"] == id && ended["tags"] == json!(["kept"]), "{ended}");
    ensure!(ended["spec"]["inputCommit"] == first["spec"]["inputCommit"], "{ended}");
    ensure!(lines(&rest.log(&text(&ended, "executionId")?).await?) == ["first", "0.2"]);
    Ok(())
}

fn lines(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .filter(|entry| entry["stream"] == "STREAM_STDOUT")
        .filter_map(|entry| entry["text"].as_str())
        .collect()
}

async fn a_rerun_says_what_differs(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let first = cli.json(&["run", "--project", "rerun-differs", "--param", "lr=0.1", "--detach", "--", "true"]).await?;
    let id = text(&first, "executionId")?;
    let output = cli.output(&["jobs", "rerun", &id, "--param", "lr=0.2", "--", "sh", "-c", "exit 3"]).await?;
    ensure!(output.status.code() == Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for difference in ["command: true -> sh -c 'exit 3'", "param.lr: 0.1 -> 0.2"] {
        ensure!(said.contains(difference), "{difference}: {said}");
    }
    ensure!(!said.contains("tier"), "{said}");
    Ok(())
}

async fn one_key_is_one_rerun(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("rerun-once").await?;
    let id = rest.submit(&project, &["true"]).await?;
    let mut made = Vec::new();
    for _ in 0..3 {
        let again = rest.request(reqwest::Method::POST, &format!("/executions/{id}:rerun"));
        let answer = again.header("idempotency-key", "rerun-once").json(&json!({})).send().await?;
        ensure!(answer.status() == 201, "{}", answer.status());
        made.push(text(&answer.json().await.context("no JSON")?, "executionId")?);
    }
    made.dedup();
    ensure!(made.len() == 1 && made[0] != id, "{made:?}");
    Ok(())
}
