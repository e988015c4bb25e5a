//! What a command's end looks like to whoever ran it: exit code, phase, reason.

use std::time::Duration;

use anyhow::{Result, ensure};
use katonic_integration_tests::rest::text;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("run_ends_with_the_code_of_the_command", run_ends_with_the_code_of_the_command),
        shared("a_program_that_is_not_there_is_a_stated_reason", a_missing_program_is_a_stated_reason),
        shared("a_killed_command_shows_its_signal", a_killed_command_shows_its_signal),
        shared("a_job_that_ignores_term_is_killed_at_its_timeout", a_job_that_ignores_term_is_killed),
        shared("a_stopped_job_keeps_its_results_unless_told_otherwise", a_stopped_job_keeps_its_results),
        shared("processes_that_a_job_leaves_behind_are_killed", left_processes_are_killed),
        shared("a_full_tier_queues_and_says_so", a_full_tier_queues_and_says_so),
        shared("checkpoints_and_events_tell_the_whole_way", checkpoints_and_events_tell_the_whole_way),
        shared("stopping_a_job_that_has_ended_is_a_conflict", stopping_an_ended_job_is_a_conflict),
    ]
}

async fn run_ends_with_the_code_of_the_command(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    for (command, code) in [("true", 0), ("false", 1), ("exit 42", 42), ("kill -9 $$", 137)] {
        let output = platform.cli(folder.path()).output(&["run", "--", "sh", "-c", command]).await?;
        ensure!(output.status.code() == Some(code), "{command}: {output:?}");
    }
    Ok(())
}

async fn a_missing_program_is_a_stated_reason(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("missing-program").await?;
    let execution = rest.ended(&rest.submit(&project, &["no-such-program-anywhere"]).await?).await?;
    ensure!(execution["reason"] == "REASON_COMMAND_NOT_FOUND", "{execution}");
    let execution = rest.ended(&rest.submit(&project, &["/etc/passwd"]).await?).await?;
    ensure!(execution["reason"] == "REASON_COMMAND_NOT_EXECUTABLE", "{execution}");
    let folder = platform.scratch()?;
    let output = platform.cli(folder.path()).output(&["run", "--", "no-such-program-anywhere"]).await?;
    ensure!(output.status.code() == Some(127), "{output:?}");
    Ok(())
}

async fn a_killed_command_shows_its_signal(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("killed-command").await?;
    let execution = rest.ended(&rest.submit(&project, &["sh", "-c", "kill -SEGV $$"]).await?).await?;
    ensure!(execution["reason"] == "REASON_KILLED_BY_SIGNAL", "{execution}");
    ensure!(execution["attempts"][0]["signal"] == 11, "{execution}");
    Ok(())
}

async fn a_job_that_ignores_term_is_killed(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("ignores-term").await?;
    let stubborn = "trap '' TERM; while :; do sleep 1; done";
    let body = json!({ "command": ["sh", "-c", stubborn], "timeout": "1s", "grace": "1s" });
    let execution = rest.post(&format!("/projects/{project}/jobs"), &body).await?;
    let execution = rest.ended(execution["executionId"].as_str().unwrap_or_default()).await?;
    ensure!(execution["reason"] == "REASON_TIMED_OUT", "{execution}");
    ensure!(execution["phase"] == "PHASE_FAILED", "{execution}");
    Ok(())
}

async fn a_stopped_job_keeps_its_results(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("stopped").await?;
    for discard in [false, true] {
        let script = "echo partial > result.txt; echo ready; exec sleep 600";
        let id = rest.submit(&project, &["sh", "-c", script]).await?;
        wait_for_line(&platform, &id, "ready").await?;
        let stop = format!("/executions/{id}:stop");
        rest.post(&stop, &json!({ "discard": discard })).await?;
        // The same wish again is the same answer.
        rest.post(&stop, &json!({ "discard": discard })).await?;
        let execution = rest.ended(&id).await?;
        ensure!(execution["phase"] == "PHASE_STOPPED", "{execution}");
        ensure!(execution["reason"] == "REASON_STOPPED_BY_USER", "{execution}");
        ensure!(execution["resultsCommit"].is_string() != discard, "discard {discard}: {execution}");
        ensure!(!rest.log(&id).await?.is_empty(), "the log stays");
    }
    Ok(())
}

/// Waits until the log of a running job holds a line.
pub async fn wait_for_line(platform: &Shared, execution: &str, line: &str) -> Result<()> {
    let rest = platform.rest();
    let mut from = "1".to_owned();
    katonic_integration_tests::wait::until(&format!("{execution} writes {line}"), async || {
        let page = rest.get(&format!("/executions/{execution}/logs?from={from}&limit=10000")).await?;
        from = text(&page, "nextFrom")?;
        let entries = page["entries"].as_array().cloned().unwrap_or_default();
        Ok(entries.iter().any(|entry| entry["text"] == line).then_some(()))
    })
    .await
}

async fn left_processes_are_killed(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("left-processes").await?;
    // An argument that no other process has.
    let mark = format!("86{}", std::process::id());
    let script = format!("sleep {mark} & setsid sleep {mark} & (sleep {mark} &) ; exit 0");
    let execution = rest.ended(&rest.submit(&project, &["sh", "-c", &script]).await?).await?;
    ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}");
    let left = processes_with(&mark)?;
    ensure!(left.is_empty(), "still running: {left:?}");
    Ok(())
}

fn processes_with(argument: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")? {
        let command_line = process?.path().join("cmdline");
        let words = std::fs::read(command_line).unwrap_or_default();
        if words.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()) {
            found.push(String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
    Ok(found)
}

async fn a_full_tier_queues_and_says_so(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let tiers = rest.get("/hardware-tiers").await?;
    let default = tiers["tiers"].as_array().and_then(|tiers| tiers.iter().find(|tier| tier["default"] == true));
    let max_running = default.and_then(|tier| tier["maxRunning"].as_u64()).unwrap_or_default();
    ensure!(max_running > 0, "{tiers}");
    let project = rest.project("full-tier").await?;
    let mut submitted = Vec::new();
    for _ in 0..=max_running {
        submitted.push(rest.submit(&project, &["sleep", "600"]).await?);
    }
    // Other tests use the tier too, so the newest certainly queues.
    let newest = submitted.last().cloned().unwrap_or_default();
    let explained = rest.get(&format!("/executions/{newest}/explain")).await?;
    // Stopped before anything is asserted, so that a failure leaves no other test behind them.
    for id in submitted.iter().rev() {
        rest.post(&format!("/executions/{id}:stop"), &json!({})).await?;
    }
    for id in &submitted {
        let execution = rest.ended(id).await?;
        ensure!(execution["phase"] == "PHASE_STOPPED", "{execution}");
    }
    ensure!(explained["phase"] == "PHASE_QUEUED" && explained["queuePlace"].as_u64() > Some(0), "{explained}");
    ensure!(explained["summary"].as_str().is_some_and(|text| !text.is_empty()), "{explained}");
    Ok(())
}

async fn checkpoints_and_events_tell_the_whole_way(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("whole-way").await?;
    let id = rest.submit(&project, &["sh", "-c", "echo hello > out.txt"]).await?;
    let execution = rest.ended(&id).await?;
    let checkpoints: Vec<&str> =
        list(&execution["attempts"][0]["checkpoints"]).filter_map(|c| c["kind"].as_str()).collect();
    for wanted in
        ["ACKNOWLEDGED", "QUOTA_CHECKED", "RESOURCES_CREATED", "FILES_PREPARED", "USER_CODE_LAUNCHED", "RESULTS_SAVED"]
    {
        ensure!(checkpoints.contains(&format!("CHECKPOINT_KIND_{wanted}").as_str()), "no {wanted} in {checkpoints:?}");
    }
    let events = rest.get(&format!("/executions/{id}/events")).await?;
    let types: Vec<&str> = list(&events["events"]).filter_map(|event| event["type"].as_str()).collect();
    let wanted: Vec<String> = ["queued", "admitted", "running", "finishing", "finished"]
        .map(|fact| format!("io.katonic.execution.{fact}.v1"))
        .to_vec();
    ensure!(types == wanted, "{types:?}");
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

async fn stopping_an_ended_job_is_a_conflict(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("ended-job").await?;
    let id = rest.submit(&project, &["true"]).await?;
    rest.ended(&id).await?;
    let request = rest.request(reqwest::Method::POST, &format!("/executions/{id}:stop")).json(&json!({}));
    let answer = katonic_integration_tests::rest::Rest::send(request.timeout(Duration::from_secs(60))).await?;
    ensure!(answer.status == 409 && answer.body["code"] == "OUTCOME_FIXED", "{answer:?}");
    Ok(())
}
