//! A job waits for earlier ones of its project: it starts after them, or ends by
//! itself where what it waits for never comes about.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{
    parts,
    rest::{Answer, Rest, text},
    users, wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Shared, alone, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("three_jobs_run_one_after_the_other", three_in_a_row),
        shared("a_failed_job_ends_those_that_wait_for_its_success_in_turn", a_failure_goes_on),
        shared("a_stopped_job_ends_who_waits_for_success_and_starts_who_waits_for_its_end", a_stop_is_an_end),
        shared("a_job_that_is_tried_again_has_not_ended", a_retry_is_no_end),
        shared("who_cannot_be_waited_for_is_named_and_nothing_else_is_told", who_cannot_be_waited_for),
        shared("jobs_of_one_call_wait_for_one_another", jobs_of_one_call),
        shared("a_rerun_waits_for_nobody_unless_that_is_said", a_rerun_waits_for_nobody),
        shared("the_cli_runs_one_job_after_another", one_after_another_by_the_cli),
        alone("a_job_that_waits_survives_kill_9_of_the_dispatcher", who_waits_survives),
    ]
}

/// A job that runs until the test lets it go.
struct Gate {
    folder: TempDir,
    name: &'static str,
}

impl Gate {
    fn new(platform: &Shared, name: &'static str) -> Result<Self> {
        Ok(Self { folder: platform.scratch()?, name })
    }

    fn command(&self) -> [String; 5] {
        let script = "while [ ! -e \"$1\" ]; do sleep 0.05; done";
        let path = self.folder.path().join(self.name).display().to_string();
        ["sh", "-c", script, "gate", path.as_str()].map(str::to_owned)
    }

    fn open(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join(self.name), "")?)
    }
}

fn on(execution: &str) -> Value {
    json!([{ "executionId": execution }])
}

async fn submit(rest: &Rest, project: &str, command: &[impl AsRef<str>], after: &Value) -> Result<String> {
    let command: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
    let body = json!({ "command": command, "after": after });
    text(&rest.post(&format!("/projects/{project}/jobs"), &body).await?, "executionId")
}

/// What `explain` says once an execution waits for others.
async fn held(rest: &Rest, execution: &str) -> Result<Value> {
    let explained = rest.get(&format!("/executions/{execution}/explain")).await?;
    ensure!(explained["wait"] == "WAIT_DEPENDENCIES" && explained["phase"] == "PHASE_QUEUED", "{explained}");
    Ok(explained)
}

async fn failed_for(rest: &Rest, execution: &str, failed: &str) -> Result<()> {
    let ended = rest.ended(execution).await?;
    ensure!(ended["phase"] == "PHASE_FAILED" && ended["reason"] == "REASON_DEPENDENCY_FAILED", "{ended}");
    ensure!(ended["failedDependency"] == failed && text(&ended, "reasonText")?.contains(failed), "{ended}");
    ensure!(ended["attempts"].as_array().is_none_or(Vec::is_empty), "{ended}");
    Ok(())
}

async fn three_in_a_row(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("in-a-row").await?;
    let (first_gate, second_gate) = (Gate::new(&platform, "first")?, Gate::new(&platform, "second")?);
    let first = submit(&rest, &project, &first_gate.command(), &json!([])).await?;
    let second = submit(&rest, &project, &second_gate.command(), &on(&first)).await?;
    let third = submit(&rest, &project, &["true"], &on(&second)).await?;
    let running = rest.in_phase(&first, "PHASE_RUNNING").await?;
    let explained = held(&rest, &second).await?;
    let open = &explained["dependencies"][0];
    ensure!(open["executionId"] == first && open["number"] == running["number"], "{explained}");
    ensure!(open["condition"] == "DEPENDENCY_CONDITION_SUCCEEDED" && open["phase"] == "PHASE_RUNNING", "{explained}");
    ensure!(text(&explained, "nextStep")?.contains(&first), "{explained}");
    ensure!(held(&rest, &third).await?["dependencies"][0]["phase"] == "PHASE_QUEUED");

    first_gate.open()?;
    rest.in_phase(&second, "PHASE_RUNNING").await?;
    ensure!(rest.get(&format!("/executions/{first}")).await?["phase"] == "PHASE_SUCCEEDED");
    held(&rest, &third).await?;
    second_gate.open()?;
    for id in [&second, &third] {
        ensure!(rest.ended(id).await?["phase"] == "PHASE_SUCCEEDED");
    }
    Ok(())
}

async fn a_failure_goes_on(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("fails-on").await?;
    let first = submit(&rest, &project, &["sh", "-c", "exit 3"], &json!([])).await?;
    let second = submit(&rest, &project, &["true"], &on(&first)).await?;
    let third = submit(&rest, &project, &["true"], &on(&second)).await?;
    failed_for(&rest, &second, &first).await?;
    failed_for(&rest, &third, &second).await?;
    let explained = rest.get(&format!("/executions/{third}/explain")).await?;
    ensure!(text(&explained, "summary")?.contains(&second), "{explained}");
    // Also where all is over before one waits for it.
    let late = submit(&rest, &project, &["true"], &on(&third)).await?;
    failed_for(&rest, &late, &third).await
}

async fn a_stop_is_an_end(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("stopped-before").await?;
    let first = submit(&rest, &project, &["sleep", "600"], &json!([])).await?;
    let strict = submit(&rest, &project, &["true"], &on(&first)).await?;
    let ended = json!([{ "executionId": first, "condition": "DEPENDENCY_CONDITION_ENDED" }]);
    let patient = submit(&rest, &project, &["true"], &ended).await?;
    let both = submit(&rest, &project, &["true"], &json!([ended[0], { "executionId": patient }])).await?;
    rest.post(&format!("/executions/{first}:stop"), &json!({})).await?;
    failed_for(&rest, &strict, &first).await?;
    for id in [&patient, &both] {
        ensure!(rest.ended(id).await?["phase"] == "PHASE_SUCCEEDED");
    }
    Ok(())
}

async fn a_retry_is_no_end(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("tried-again-before").await?;
    let retry = json!({ "maxAttempts": 2, "backoff": "3600s", "classes": ["REASON_CLASS_USER"] });
    let body = json!({ "command": ["sh", "-c", "exit 3"], "retry": retry });
    let first = text(&rest.post(&format!("/projects/{project}/jobs"), &body).await?, "executionId")?;
    let second = submit(&rest, &project, &["true"], &on(&first)).await?;
    wait::until("the first rests", async || {
        let explained = rest.get(&format!("/executions/{first}/explain")).await?;
        Ok((explained["wait"] == "WAIT_RESTING").then_some(()))
    })
    .await?;
    ensure!(held(&rest, &second).await?["dependencies"][0]["phase"] == "PHASE_QUEUED");
    rest.post(&format!("/executions/{first}:stop"), &json!({})).await?;
    failed_for(&rest, &second, &first).await
}

async fn refused(rest: &Rest, project: &str, after: &Value) -> Result<String> {
    let submit = rest.request(Method::POST, &format!("/projects/{project}/jobs"));
    let answer = Rest::send(submit.json(&json!({ "command": ["true"], "after": after }))).await?;
    ensure!(answer.status == 400 && answer.body["code"] == "INVALID_ARGUMENT", "{answer:?}");
    ensure!(answer.body["violations"][0]["field"] == "after", "{answer:?}");
    text(&answer.body["violations"][0], "description")
}

async fn who_cannot_be_waited_for(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("waits-for-none").await?;
    let own = rest.submit(&project, &["true"]).await?;
    let stranger = users::make(&platform, "stranger").await?;
    let hidden = stranger.rest.project("hidden").await?;
    let foreign = stranger.rest.submit(&hidden, &["true"]).await?;
    let unknown = katonic_domain::ExecutionId::generate().to_string();
    let user = users::make(&platform, "waiter").await?;
    rest.put(&format!("/projects/{project}/grants/{}", user.id), &json!({ "role": "ROLE_LAUNCHER" })).await?;
    // One's own project names what is there; whatever else there is, is not told.
    let told = refused(&user.rest, &project, &on(&foreign)).await?;
    ensure!(told.replace(&foreign, &unknown) == refused(&user.rest, &project, &on(&unknown)).await?, "{told}");

    let archive = rest.request(Method::PATCH, &format!("/executions/{own}")).json(&json!({ "archived": true }));
    ensure!(Rest::send(archive).await?.status == 200);
    ensure!(refused(&rest, &project, &on(&own)).await?.contains("is archived"));
    let made = |_| json!({ "executionId": katonic_domain::ExecutionId::generate().to_string() });
    let many: Vec<Value> = (0..65).map(made).collect();
    for (after, why) in [
        (json!(many), "more than 64"),
        (json!([on(&own)[0], on(&own)[0]]), "twice"),
        (on("exe_1"), "no execution's id"),
    ] {
        let told = refused(&rest, &project, &after).await?;
        ensure!(told.contains(why), "{why}: {told}");
    }
    Ok(())
}

async fn submit_all(rest: &Rest, project: &str, jobs: &[Value]) -> Result<Answer> {
    let request = rest.request(Method::POST, &format!("/projects/{project}/jobs:batchSubmit"));
    Rest::send(request.header("idempotency-key", "one-call").json(&json!({ "jobs": jobs }))).await
}

async fn jobs_of_one_call(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("one-call").await?;
    let job = |items: Value| json!({ "command": ["true"], "afterItems": items });
    let jobs = [
        job(json!([])),
        job(json!([{ "item": 0 }])),
        job(json!([{ "item": 0 }, { "item": 1, "condition": "DEPENDENCY_CONDITION_ENDED" }])),
        job(json!([{ "item": 3 }])),
        job(json!([{ "item": 3 }])),
    ];
    let answer = submit_all(&rest, &project, &jobs).await?;
    ensure!(answer.status == 201, "{answer:?}");
    let answers = answer.body["answers"].as_array().context("no answers")?;
    let ids = answers[..3].iter().map(|one| text(one, "executionId")).collect::<Result<Vec<_>>>()?;
    for refused in &answers[3..] {
        ensure!(refused["problem"]["violations"][0]["field"] == "after_items", "{refused}");
    }
    let last = rest.ended(&ids[2]).await?;
    ensure!(last["phase"] == "PHASE_SUCCEEDED", "{last}");
    let after = json!([
        { "executionId": ids[0], "condition": "DEPENDENCY_CONDITION_SUCCEEDED" },
        { "executionId": ids[1], "condition": "DEPENDENCY_CONDITION_ENDED" },
    ]);
    ensure!(last["after"] == after, "{last}");
    let again = submit_all(&rest, &project, &jobs).await?;
    let replayed = &again.body["answers"][2];
    ensure!(replayed["executionId"] == ids[2] && replayed["replayed"] == true, "{again:?}");
    let alone = rest.request(Method::POST, &format!("/projects/{project}/jobs")).json(&jobs[1]);
    ensure!(Rest::send(alone).await?.body["violations"][0]["field"] == "after_items");
    Ok(())
}

async fn a_rerun_waits_for_nobody(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("rerun-after").await?;
    let first = rest.submit(&project, &["true"]).await?;
    let second = submit(&rest, &project, &["true"], &on(&first)).await?;
    let again = rest.post(&format!("/executions/{second}:rerun"), &json!({})).await?;
    ensure!(again["after"].as_array().is_none_or(Vec::is_empty), "{again}");
    let said = rest.post(&format!("/executions/{second}:rerun"), &json!({ "after": on(&second) })).await?;
    ensure!(said["after"][0]["executionId"] == second, "{said}");
    ensure!(rest.ended(&text(&said, "executionId")?).await?["phase"] == "PHASE_SUCCEEDED");
    Ok(())
}

async fn one_after_another_by_the_cli(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let run = ["run", "--project", "cli-after", "--detach"];
    let first = cli.json(&[&run[..], &["--", "sleep", "600"]].concat()).await?;
    let (id, number) = (text(&first, "executionId")?, text(&first, "number")?);
    let second = cli.json(&[&run[..], &["--after", number.as_str(), "--", "true"]].concat()).await?;
    let second = text(&second, "executionId")?;
    let both = format!("{id},{second}");
    let third = cli.json(&[&run[..], &["--after-any", both.as_str(), "--", "true"]].concat()).await?;
    let third = text(&third, "executionId")?;
    let explained = cli.ok(&["explain", &third]).await?;
    ensure!(explained.contains("waits for 2 executions") && explained.contains(&second), "{explained}");
    let shown = cli.ok(&["jobs", "show", &third]).await?;
    ensure!(shown.contains(&format!("{id} (however it ends)")), "{shown}");
    cli.ok(&["jobs", "stop", &id]).await?;
    ensure!(platform.rest().ended(&third).await?["phase"] == "PHASE_SUCCEEDED");
    let watched = cli.output(&["run", "--project", "cli-after", "--after", &second, "--", "true"]).await?;
    ensure!(watched.status.code() == Some(1), "{watched:?}");
    ensure!(String::from_utf8_lossy(&watched.stderr).contains(&second), "{watched:?}");
    Ok(())
}

async fn who_waits_survives(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("waits-and-survives").await?;
    let gate = Gate::new(&platform, "first")?;
    let first = submit(&rest, &project, &gate.command(), &json!([])).await?;
    let second = submit(&rest, &project, &["true"], &on(&first)).await?;
    rest.in_phase(&first, "PHASE_RUNNING").await?;
    let killed = parts::pid_of(&platform, "dispatcher")?.context("no dispatcher")?;
    parts::kill_9(killed)?;
    // It ends while nobody sees it.
    gate.open()?;
    wait::until("the second ends", async || {
        // The gateway's owner may be away for a moment.
        let answer = Rest::send(rest.request(Method::GET, &format!("/executions/{second}"))).await;
        Ok(answer.ok().filter(|answer| answer.body["phase"] == "PHASE_SUCCEEDED").map(drop))
    })
    .await?;
    parts::succeeded(&platform, "dispatcher", killed).await
}
