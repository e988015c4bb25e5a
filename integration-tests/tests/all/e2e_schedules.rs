//! Jobs that are launched by a timetable. The shortest one is a minute long: these tests wait for it.

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{
    rest::{Answer, Rest, text},
    users, wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_schedule_launches_its_job_and_leaves_out_what_overlaps", it_launches_and_leaves_out),
        shared("a_schedule_whose_owner_may_not_launch_any_more_says_so", it_says_that_it_was_refused),
        shared("a_schedule_is_changed_by_who_may_and_launches_in_their_name", it_is_changed_by_who_may),
        shared("wrong_schedules_are_named_and_a_deleted_name_is_free", wrong_schedules_are_named),
        shared("schedules_are_kept_by_the_cli", schedules_by_the_cli),
    ]
}

async fn send(rest: &Rest, method: Method, path: &str, body: &Value) -> Result<Answer> {
    Rest::send(rest.request(method, path).json(body)).await
}

async fn create(rest: &Rest, project: &str, cron: &str, command: &[&str]) -> Result<String> {
    let body = json!({ "name": "again", "cron": cron, "job": { "command": command } });
    text(&rest.post(&format!("/projects/{project}/schedules"), &body).await?, "scheduleId")
}

async fn ticked(rest: &Rest, schedule: &str, fate: &str) -> Result<Value> {
    wait::until(&format!("{schedule} is {fate}"), async || {
        let found = rest.get(&format!("/schedules/{schedule}")).await?;
        Ok((found["lastTick"]["fate"] == fate).then_some(found))
    })
    .await
}

async fn it_launches_and_leaves_out(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("scheduled").await?;
    let schedule = create(&rest, &project, "* * * * *", &["sleep", "600"]).await?;
    let launched = ticked(&rest, &schedule, "TICK_FATE_LAUNCHED").await?;
    ensure!(launched["nextTicks"].as_array().map(Vec::len) == Some(10), "{launched}");
    let id = text(&launched["lastTick"], "executionId")?;
    ticked(&rest, &schedule, "TICK_FATE_OVERLAPPED").await?;
    send(&rest, Method::PATCH, &format!("/schedules/{schedule}"), &json!({ "paused": true })).await?;
    let jobs = rest.get(&format!("/projects/{project}/jobs")).await?;
    let jobs = jobs["executions"].as_array().context("no jobs")?;
    ensure!(jobs.len() == 1 && jobs[0]["executionId"] == id && jobs[0]["scheduleId"] == schedule, "{jobs:?}");
    rest.post(&format!("/executions/{id}:stop"), &json!({})).await?;
    let paused = rest.get(&format!("/schedules/{schedule}")).await?;
    ensure!(paused["paused"] == true && paused["nextTicks"].is_null(), "{paused}");
    Ok(())
}

async fn it_says_that_it_was_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("refused-schedule").await?;
    let launcher = users::make(&platform, "scheduler").await?;
    let grant = format!("/projects/{project}/grants/{}", launcher.id);
    rest.put(&grant, &json!({ "role": "ROLE_LAUNCHER" })).await?;
    let schedule = create(&launcher.rest, &project, "* * * * *", &["true"]).await?;
    Rest::send(rest.request(Method::DELETE, &grant)).await?;
    let refused = ticked(&rest, &schedule, "TICK_FATE_REFUSED").await?;
    ensure!(!text(&refused["lastTick"], "code")?.is_empty(), "{refused}");
    Rest::send(rest.request(Method::DELETE, &format!("/schedules/{schedule}"))).await?;
    Ok(())
}

async fn it_is_changed_by_who_may(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("shared-schedule").await?;
    let schedule = create(&rest, &project, "@yearly", &["true"]).await?;
    let path = format!("/schedules/{schedule}");
    let mine = json!({ "job": { "command": ["mine"] } });
    for (role, expected) in [("ROLE_LAUNCHER", 403), ("ROLE_CONTRIBUTOR", 200)] {
        let user = users::make(&platform, "editor").await?;
        rest.put(&format!("/projects/{project}/grants/{}", user.id), &json!({ "role": role })).await?;
        let changed = send(&user.rest, Method::PATCH, &path, &mine).await?;
        ensure!(changed.status == expected, "{role}: {changed:?}");
        if expected == 200 {
            ensure!(changed.body["ownerId"] == user.id && changed.body["etag"] == "2", "{changed:?}");
        }
    }
    let stale = rest.request(Method::PATCH, &path).header("if-match", "1").json(&mine);
    ensure!(Rest::send(stale).await?.status == 412);
    Ok(())
}

async fn wrong_schedules_are_named(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("wrong-schedules").await?;
    let path = format!("/projects/{project}/schedules");
    let good = json!({ "name": "good", "cron": "0 3 * * *", "job": { "command": ["true"] } });
    for (field, value, named) in [
        ("cron", json!("0 0 30 2 *"), "cron"),
        ("zone", json!("Mars/Base"), "zone"),
        ("name", json!("Not A Name"), "name"),
        ("job", json!({ "command": [] }), "job.command"),
        ("catchUp", json!("CATCH_UP_ALL"), "catch_up_limit"),
    ] {
        let mut wrong = good.clone();
        wrong[field] = value;
        let answer = send(&rest, Method::POST, &path, &wrong).await?;
        ensure!(answer.status == 400 && answer.body["violations"][0]["field"] == named, "{field}: {answer:?}");
    }
    let mut unknown = good.clone();
    unknown["job"]["tier"] = json!("no-such-tier");
    ensure!(send(&rest, Method::POST, &path, &unknown).await?.body["code"] == "UNKNOWN_TIER");

    let made = send(&rest, Method::POST, &path, &good).await?;
    ensure!(made.status == 201 && made.body["inWords"].is_string(), "{made:?}");
    let twice = send(&rest, Method::POST, &path, &good).await?;
    ensure!(twice.status == 409 && twice.body["code"] == "SCHEDULE_EXISTS", "{twice:?}");
    let one = format!("/schedules/{}", text(&made.body, "scheduleId")?);
    for _ in 0..2 {
        ensure!(
            Rest::send(rest.request(Method::DELETE, &one)).await?.status.is_success(),
            "deleting twice is the same"
        );
    }
    ensure!(rest.get(&one).await?["deleteTime"].is_string(), "what it launched names it");
    let changed = send(&rest, Method::PATCH, &one, &json!({ "paused": true })).await?;
    ensure!(changed.status == 409 && changed.body["code"] == "SCHEDULE_DELETED", "{changed:?}");
    let again = send(&rest, Method::POST, &path, &good).await?;
    ensure!(again.status == 201, "its name is not free: {again:?}");
    let listed = rest.get(&path).await?;
    ensure!(listed["schedules"].as_array().map(Vec::len) == Some(1), "{listed}");
    Ok(())
}

async fn schedules_by_the_cli(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let project = ["--project", "by-the-cli"];
    let create =
        ["schedules", "create", "nightly", "--cron", "0 3 * * *", "--zone", "Europe/Berlin", "--catch-up", "2"];
    let made = cli.json(&[&create[..], &project, &["--param", "lr=1", "--", "sh", "-c", "true"]].concat()).await?;
    ensure!(made["catchUp"] == "CATCH_UP_ALL" && made["catchUpLimit"] == 2, "{made}");
    ensure!(made["job"]["params"]["lr"] == "1" && made["zone"] == "Europe/Berlin", "{made}");
    for (command, paused) in [("pause", json!(true)), ("resume", Value::Null)] {
        let changed = cli.json(&[&["schedules", command, "nightly"][..], &project].concat()).await?;
        ensure!(changed["paused"] == paused, "{command}: {changed}");
    }
    let shown = cli.ok(&[&["schedules", "show", "nightly"][..], &project].concat()).await?;
    ensure!(shown.contains("Europe/Berlin") && shown.matches("next  ").count() == 10, "{shown}");
    cli.ok(&[&["schedules", "delete", "nightly"][..], &project].concat()).await?;
    let gone = cli.output(&[&["schedules", "show", "nightly"][..], &project].concat()).await?;
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    ensure!(!gone.status.success() && said.contains("katonic schedules list"), "{said}");
    Ok(())
}
