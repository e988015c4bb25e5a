//! Tiers, limits, order: what administrators set is felt by what waits, without
//! a restart, and `explain` says what one waits for.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use katonic_integration_tests::{
    rest::{Answer, Rest, text},
    wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_projects_limits_queue_and_refuse_and_a_change_is_felt", a_projects_limits_queue_and_refuse),
        shared("a_tier_is_made_changed_pinned_and_retired", a_tier_is_made_changed_and_retired),
        shared("hundreds_queued_are_admitted_in_order_within_their_tier", hundreds_are_admitted_in_order),
    ]
}

async fn send(rest: &Rest, method: Method, path: &str, body: &Value) -> Result<Answer> {
    Rest::send(rest.request(method, path).json(body)).await
}

async fn tier(rest: &Rest, name: &str, max_running: u32) -> Result<Value> {
    let size = json!({ "name": name, "cpuMillis": 100, "memoryBytes": "67108864", "maxRunning": max_running });
    rest.post("/hardware-tiers", &size).await
}

/// Waits until `explain` says that an execution waits for this.
async fn waits_for(rest: &Rest, execution: &str, wanted: &str) -> Result<Value> {
    wait::until(&format!("{execution} waits for {wanted}"), async || {
        let answer = rest.get(&format!("/executions/{execution}/explain")).await?;
        Ok((answer["wait"] == wanted).then_some(answer))
    })
    .await
}

/// Whether an execution waits for its project's limit, once it waits or runs.
async fn waits_or_runs(rest: &Rest, execution: &str) -> Result<bool> {
    wait::until(&format!("{execution} waits or runs"), async || {
        let answer = rest.get(&format!("/executions/{execution}/explain")).await?;
        let waits = answer["wait"] == "WAIT_PROJECT_LIMIT";
        Ok((waits || answer["phase"] == "PHASE_RUNNING").then_some(waits))
    })
    .await
}

async fn stop(rest: &Rest, executions: &[String]) -> Result<()> {
    for id in executions.iter().rev() {
        send(rest, Method::POST, &format!("/executions/{id}:stop"), &json!({})).await?;
    }
    for id in executions {
        rest.ended(id).await?;
    }
    Ok(())
}

async fn a_projects_limits_queue_and_refuse(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    tier(&rest, "limited-project", 10).await?;
    let project = rest.project("limited").await?;
    let limit = format!("/limits/{project}");
    let set = send(&rest, Method::PUT, &limit, &json!({ "maxRunning": 1, "maxQueued": 2 })).await?;
    ensure!(set.status == 200 && set.body["maxRunning"] == 1, "{set:?}");
    let job = json!({ "command": ["sleep", "600"], "tier": "limited-project" });
    let path = format!("/projects/{project}/jobs");
    let mut jobs = Vec::new();
    let refusal = wait::until("the queue limit is felt", async || {
        let answer = send(&rest, Method::POST, &path, &job).await?;
        if answer.status == 422 {
            return Ok(Some(answer));
        }
        let id = text(&answer.body, "executionId")?;
        // What runs beside the first was given its place before the limit was felt.
        if jobs.is_empty() || waits_or_runs(&rest, &id).await? {
            jobs.push(id);
        } else {
            stop(&rest, &[id]).await?;
        }
        Ok(None)
    })
    .await?;
    ensure!(refusal.body["code"] == "QUOTA_QUEUE_PROJECT", "{refusal:?}");
    ensure!(text(&refusal.body, "detail")?.contains("stop some that wait"), "{refusal:?}");
    let newest = jobs.last().cloned().unwrap_or_default();
    let explained = waits_for(&rest, &newest, "WAIT_PROJECT_LIMIT").await?;
    ensure!(text(&explained, "summary")?.contains("limit of its project"), "{explained}");

    let unset = send(&rest, Method::PUT, &limit, &json!({ "etag": set.body["etag"] })).await?;
    ensure!(unset.status == 200 && unset.body["maxRunning"].is_null(), "{unset:?}");
    let stale = send(&rest, Method::PUT, &limit, &json!({ "etag": set.body["etag"] })).await?;
    ensure!(stale.status == 412, "{stale:?}");
    rest.in_phase(&newest, "PHASE_RUNNING").await?;
    stop(&rest, &jobs).await
}

async fn a_tier_is_made_changed_and_retired(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let made = tier(&rest, "changing", 1).await?;
    let twice = send(&rest, Method::POST, "/hardware-tiers", &json!({ "name": "changing", "cpuMillis": 1 })).await?;
    ensure!(twice.status == 400, "{twice:?}");
    let project = rest.project("changing-tier").await?;
    let body = json!({ "command": ["sleep", "600"], "tier": "changing" });
    let path = format!("/projects/{project}/jobs");
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(text(&rest.post(&path, &body).await?, "executionId")?);
    }
    waits_for(&rest, &jobs[1], "WAIT_TIER_FULL").await?;
    // The first one leaves the queue a moment after it has its place.
    let shown = wait::until("it stands alone", async || {
        let shown = cli.ok(&["explain", &jobs[1]]).await?;
        Ok(shown.contains("1 of 1\n").then_some(shown))
    })
    .await?;
    ensure!(shown.contains("1 of 1 places"), "{shown}");

    cli.ok(&["tiers", "edit", "changing", "--max-running", "2", "--price-micros", "1500000", "--currency", "EUR"])
        .await?;
    let running = rest.in_phase(&jobs[1], "PHASE_RUNNING").await?;
    ensure!(running["spec"]["tier"]["revision"] == 1, "it keeps what it pinned: {running}");
    let now = rest.get("/hardware-tiers/changing").await?;
    ensure!(now["revision"] == 2 && now["priceMicrosPerHour"] == "1500000", "{now}");
    let first = rest.get("/hardware-tiers/changing?revision=1").await?;
    ensure!(first == made, "{first}");
    let stale = json!({ "cpuMillis": 5, "etag": made["etag"] });
    let stale = send(&rest, Method::PATCH, "/hardware-tiers/changing", &stale).await?;
    ensure!(stale.status == 412, "{stale:?}");

    stop(&rest, &jobs).await?;
    cli.ok(&["tiers", "retire", "changing"]).await?;
    let refused = send(&rest, Method::POST, &path, &body).await?;
    ensure!(refused.status == 409 && refused.body["code"] == "TIER_RETIRED", "{refused:?}");
    let listed = cli.ok(&["tiers", "list"]).await?;
    ensure!(!listed.contains("changing") && cli.ok(&["tiers", "list", "--all"]).await?.contains("1.5 EUR"), "{listed}");
    let default = send(&rest, Method::POST, "/hardware-tiers/small:retire", &json!({})).await?;
    ensure!(default.status == 409 && default.body["code"] == "TIER_IS_DEFAULT", "{default:?}");
    Ok(())
}

async fn hundreds_are_admitted_in_order(platform: Shared) -> Result<()> {
    const JOBS: usize = 200;
    const PLACES: usize = 4;
    let rest = platform.rest();
    tier(&rest, "ordered", 1).await?;
    let drained = send(&rest, Method::PATCH, "/hardware-tiers/ordered", &json!({ "updateMask": "maxRunning" })).await?;
    ensure!(drained.status == 200 && drained.body["maxRunning"].is_null(), "{drained:?}");
    let project = rest.project("ordered").await?;
    let path = format!("/projects/{project}/jobs");
    let probe = text(&rest.post(&path, &json!({ "command": ["true"], "tier": "ordered" })).await?, "executionId")?;
    waits_for(&rest, &probe, "WAIT_NEVER_FITS").await?;
    let submit = |index: usize| {
        let priority = ["PRIORITY_LOW", "PRIORITY_NORMAL", "PRIORITY_HIGH"][index % 3];
        let (rest, path) = (rest.clone(), path.clone());
        async move { rest.post(&path, &json!({ "command": ["true"], "tier": "ordered", "priority": priority })).await }
    };
    for start in (0..JOBS).step_by(20) {
        try_join_all((start..start + 20).map(&submit)).await?;
    }
    let opened = json!({ "maxRunning": PLACES });
    ensure!(send(&rest, Method::PATCH, "/hardware-tiers/ordered", &opened).await?.status == 200);

    let mut jobs = Vec::new();
    let mut token = String::new();
    loop {
        let page = rest.get(&format!("{path}?pageSize=200&pageToken={token}")).await?;
        for job in page["executions"].as_array().into_iter().flatten() {
            jobs.push(rest.ended(&text(job, "executionId")?).await?);
        }
        match page["nextPageToken"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => break,
        }
    }
    ensure!(jobs.len() == JOBS + 1, "{} jobs", jobs.len());
    ensure!(jobs.iter().all(|job| job["phase"] == "PHASE_SUCCEEDED"), "all succeed");
    jobs.sort_by_key(|job| job["attempts"][0]["admitTime"].as_str().unwrap_or_default().to_owned());
    never_more_than(PLACES, &jobs)?;
    let last_third = &jobs[JOBS * 2 / 3..];
    let low = last_third.iter().filter(|job| job["priority"] == "PRIORITY_LOW").count();
    ensure!(low * 2 > last_third.len(), "low priorities come late: {low} of {}", last_third.len());
    let first = &jobs[..JOBS / 3];
    let high = first.iter().filter(|job| job["priority"] == "PRIORITY_HIGH").count();
    ensure!(high * 10 >= first.len() * 7, "high priorities come early: {high} of {}", first.len());
    ensure!(first.iter().any(|job| job["priority"] == "PRIORITY_LOW"), "and a lower one has its turn");
    Ok(())
}

/// From admission to its exit each holds a place: no moment has more than there are.
fn never_more_than(places: usize, jobs: &[Value]) -> Result<()> {
    let time = |job: &Value, field: &str| {
        job["attempts"][0][field].as_str().unwrap_or_default().parse::<katonic_domain::Timestamp>()
    };
    for job in jobs {
        let at = time(job, "admitTime")?;
        let held = jobs.iter().filter(|other| {
            time(other, "admitTime").is_ok_and(|from| from <= at) && time(other, "endTime").is_ok_and(|to| to > at)
        });
        let held = held.count();
        ensure!(held <= places, "{held} at {at}");
    }
    Ok(())
}
