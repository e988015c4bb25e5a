//! A job that failed is tried again as its policy says: each attempt with a log
//! and an outcome of its own, and none after a stop.

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{parts, rest::text, wait};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{Shared, e2e_run::wait_for_line, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_job_that_fails_twice_succeeds_at_the_third_attempt", the_third_attempt_succeeds),
        shared("a_job_whose_shim_was_killed_is_tried_again", a_killed_shim_is_tried_again),
        shared("what_the_policy_does_not_name_is_not_tried_again", other_ends_are_last),
        shared("a_stop_ends_a_job_that_rests_before_its_next_attempt", a_stop_ends_a_resting_job),
        shared("run_follows_a_job_across_its_attempts", run_follows_across_attempts),
        shared("a_retry_policy_that_cannot_be_meant_is_refused", what_cannot_be_meant_is_refused),
    ]
}

async fn submit(platform: &Shared, name: &str, script: &str, retry: Value) -> Result<String> {
    let rest = platform.rest();
    let project = rest.project(name).await?;
    let body = json!({ "command": ["sh", "-c", script], "retry": retry });
    text(&rest.post(&format!("/projects/{project}/jobs"), &body).await?, "executionId")
}

async fn the_third_attempt_succeeds(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let script = "echo try $KATONIC_ATTEMPT; echo $KATONIC_ATTEMPT > made.txt; [ $KATONIC_ATTEMPT = 3 ]";
    let retry = json!({ "maxAttempts": 5, "backoff": "0.1s", "classes": ["REASON_CLASS_USER"] });
    let id = submit(&platform, "third-time", script, retry).await?;
    let execution = rest.ended(&id).await?;
    ensure!(execution["phase"] == "PHASE_SUCCEEDED" && execution["reason"] == "REASON_COMPLETED", "{execution}");
    ensure!(execution["retryTime"].is_null() && text(&execution, "resultsCommit")?.len() == 40, "{execution}");
    let attempts = execution["attempts"].as_array().context("no attempts")?;
    let ends: Vec<(&Value, &Value)> = attempts.iter().map(|one| (&one["number"], &one["reason"])).collect();
    let (failed, done) = (&json!("REASON_EXIT_CODE"), &json!("REASON_COMPLETED"));
    ensure!(ends == [(&json!(1), failed), (&json!(2), failed), (&json!(3), done)], "{ends:?}");
    for attempt in 1..=3 {
        let log = rest.get(&format!("/executions/{id}/logs?attempt={attempt}")).await?;
        ensure!(log["entries"][0]["text"] == format!("try {attempt}"), "{log}");
    }
    let events = rest.get(&format!("/executions/{id}/events")).await?;
    let types = events["events"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str());
    ensure!(types.filter(|kind| *kind == "io.katonic.execution.retrying.v1").count() == 2, "{events}");
    Ok(())
}

async fn a_killed_shim_is_tried_again(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    // The shim is the parent of the user's command.
    let script = "echo shim $PPID; echo ready; [ $KATONIC_ATTEMPT != 1 ] || exec sleep 600";
    let retry = json!({ "maxAttempts": 2, "backoff": "0.1s" });
    let id = submit(&platform, "shim-was-killed", script, retry).await?;
    wait_for_line(&platform, &id, "ready").await?;
    let log = rest.get(&format!("/executions/{id}/logs?attempt=1")).await?;
    let shim = text(&log["entries"][0], "text")?.trim_start_matches("shim ").parse()?;
    parts::kill_9(shim)?;
    let execution = rest.ended(&id).await?;
    let reasons: Vec<&Value> =
        execution["attempts"].as_array().into_iter().flatten().map(|one| &one["reason"]).collect();
    ensure!(reasons == [&json!("REASON_SHIM_LOST"), &json!("REASON_COMPLETED")], "{execution}");
    ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}");
    Ok(())
}

async fn other_ends_are_last(platform: Shared) -> Result<()> {
    let retry = json!({ "maxAttempts": 5, "backoff": "0s", "classes": ["REASON_CLASS_TIMEOUT"] });
    let id = submit(&platform, "not-named", "exit 3", retry).await?;
    let execution = platform.rest().ended(&id).await?;
    ensure!(execution["phase"] == "PHASE_FAILED" && execution["attempts"].as_array().map(Vec::len) == Some(1));
    Ok(())
}

async fn a_stop_ends_a_resting_job(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let retry = json!({ "maxAttempts": 2, "backoff": "3600s", "classes": ["REASON_CLASS_USER"] });
    let id = submit(&platform, "stopped-while-resting", "exit 3", retry).await?;
    let explained = wait::until("it rests", async || {
        let explained = rest.get(&format!("/executions/{id}/explain")).await?;
        Ok((explained["wait"] == "WAIT_RESTING").then_some(explained))
    })
    .await?;
    ensure!(text(&explained, "summary")?.starts_with("Attempt 1 failed: The command exited"), "{explained}");
    let resting = rest.get(&format!("/executions/{id}")).await?;
    ensure!(resting["phase"] == "PHASE_QUEUED" && resting["reason"] == "REASON_EXIT_CODE", "{resting}");
    ensure!(resting["retryTime"].is_string() && resting["endTime"].is_null(), "{resting}");
    let stopped = rest.post(&format!("/executions/{id}:stop"), &json!({})).await?;
    ensure!(stopped["phase"] == "PHASE_STOPPED" && stopped["retryTime"].is_null(), "{stopped}");
    Ok(())
}

async fn run_follows_across_attempts(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let script = "echo try $KATONIC_ATTEMPT; [ $KATONIC_ATTEMPT = 2 ]";
    let run = ["run", "--retries", "2", "--retry-on", "user", "--retry-after", "100ms", "--", "sh", "-c", script];
    let output = platform.cli(folder.path()).output(&run).await?;
    ensure!(output.status.success(), "{output:?}");
    ensure!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>() == ["try 1", "try 2"], "{output:?}");
    Ok(())
}

async fn what_cannot_be_meant_is_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("no-such-policy").await?;
    let submit = rest.request(reqwest::Method::POST, &format!("/projects/{project}/jobs"));
    let retry = json!({ "maxAttempts": 21, "backoff": "3601s", "classes": ["REASON_CLASS_SUCCESS"] });
    let body = json!({ "command": ["true"], "retry": retry });
    let answer = katonic_integration_tests::rest::Rest::send(submit.json(&body)).await?;
    ensure!(answer.status == 400, "{answer:?}");
    let violations = answer.body["violations"].as_array().cloned().unwrap_or_default();
    let mut fields: Vec<&str> = violations.iter().filter_map(|one| one["field"].as_str()).collect();
    fields.sort_unstable();
    ensure!(fields == ["retry.backoff", "retry.classes", "retry.max_attempts"], "{answer:?}");
    Ok(())
}
