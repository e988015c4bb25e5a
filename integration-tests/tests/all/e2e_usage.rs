//! What a job uses is measured, kept and priced, and shown to whoever may read the job.

use anyhow::{Context, Result, ensure};
use katonic_domain::Timestamp;
use katonic_integration_tests::{
    rest::{Rest, text},
    users, wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("what_a_job_used_is_measured_and_its_time_is_priced", what_a_job_used_is_measured),
        shared("a_job_that_ends_at_once_has_its_usage_too", a_short_job_has_its_usage),
        shared("another_user_cannot_read_what_a_job_used", another_user_cannot_read),
    ]
}

const HELD_BYTES: u64 = 200 << 20;
const CPU_MS: u64 = 3_000;
const PRICE_MICROS: u64 = 1_500_000;

/// Holds memory that it has written to, uses a core, then waits until it is 12 s old.
const BURN: &str = "
import time
started = time.monotonic()
held = b'x' * (200 << 20)
while time.process_time() < 3: pass
time.sleep(max(0, 12 - (time.monotonic() - started)))
";

async fn what_a_job_used_is_measured(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let cli = platform.cli(folder.path());
    let tier = json!({
        "name": "priced", "cpuMillis": 1000, "memoryBytes": "1073741824", "maxRunning": 4,
        "priceMicrosPerHour": PRICE_MICROS.to_string(), "currency": "EUR",
    });
    rest.post("/hardware-tiers", &tier).await?;
    let project = rest.project("usage-of-a-job").await?;
    let job = json!({ "command": ["python3", "-c", BURN], "tier": "priced" });
    let id = text(&rest.post(&format!("/projects/{project}/jobs"), &job).await?, "executionId")?;
    // What it will cost may change: what it costs does not.
    cli.ok(&["tiers", "edit", "priced", "--price-micros", "9000000"]).await?;
    let running = wait::until("something is measured", async || {
        let usage = rest.get(&format!("/executions/{id}/usage")).await?;
        Ok(usage["members"][0]["series"]["points"].is_array().then_some(usage))
    })
    .await?;
    ensure!(running["usage"]["currency"] == "EUR", "{running}");

    let ended = rest.ended(&id).await?;
    let usage = &ended["usage"];
    ensure!(millis(usage, "cpuTime")? >= CPU_MS && number(usage, "peakMemoryBytes")? >= HELD_BYTES, "{usage}");
    ensure!(usage["wastedCpuPercent"].is_u64() && usage["wastedMemoryPercent"].is_u64(), "{usage}");
    let ran = millis(usage, "runTime")?;
    let attempt = &ended["attempts"][0];
    let time = |field| Ok::<Timestamp, anyhow::Error>(text(attempt, field)?.parse()?);
    ensure!(i128::from(ran) == time("endTime")?.duration_since(time("startTime")?).as_millis(), "{ended}");
    let cost = (PRICE_MICROS * ran + 1_800_000) / 3_600_000;
    ensure!(number(usage, "costMicros")? == cost && cost > 0, "{usage}");
    let events = rest.get(&format!("/executions/{id}/events")).await?;
    let last = events["events"].as_array().and_then(|all| all.last()).context("no events")?;
    ensure!(last["data"]["usage"]["costMicros"] == usage["costMicros"], "{last}");

    over_time(&rest, &id).await?;
    let shown = cli.ok(&["jobs", "usage", &id]).await?;
    ensure!(shown.contains("peak memory") && shown.contains(" EUR") && shown.contains("MiB"), "{shown}");
    let shown = cli.ok(&["jobs", "show", &id]).await?;
    ensure!(shown.contains("peak memory") && shown.contains(" EUR"), "{shown}");
    Ok(())
}

/// What was sampled is shown in as few points as one asks for, and they say the same.
async fn over_time(rest: &Rest, id: &str) -> Result<()> {
    let all = rest.get(&format!("/executions/{id}/usage")).await?;
    let one = rest.get(&format!("/executions/{id}/usage?attempt=1&maxPoints=1")).await?;
    let points = all["members"][0]["series"]["points"].as_array().context("no points")?;
    ensure!(!points.is_empty(), "{all}");
    let mut samples = 0;
    for point in points {
        samples += number(point, "samples")?;
    }
    let merged = &one["members"][0]["series"]["points"];
    ensure!(merged.as_array().is_some_and(|merged| merged.len() == 1), "{one}");
    ensure!(number(&merged[0], "samples")? == samples, "{one}");
    ensure!(number(&merged[0], "peakMemoryBytes")? >= HELD_BYTES, "{one}");
    let none = Rest::send(rest.request(Method::GET, &format!("/executions/{id}/usage?attempt=2"))).await?;
    ensure!(none.status == 400, "{none:?}");
    Ok(())
}

async fn a_short_job_has_its_usage(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("usage-of-a-short-job").await?;
    let id = rest.submit(&project, &["sh", "-c", "true"]).await?;
    let usage = rest.ended(&id).await?["usage"].clone();
    ensure!(usage["cpuTime"].is_string() && number(&usage, "peakMemoryBytes")? > 0, "{usage}");
    ensure!(usage["costMicros"].is_null(), "its tier costs nothing: {usage}");
    Ok(())
}

async fn another_user_cannot_read(platform: Shared) -> Result<()> {
    let (owner, other) = (users::make(&platform, "measured").await?, users::make(&platform, "curious").await?);
    let project = owner.rest.project("usage-of-another").await?;
    let id = owner.rest.submit(&project, &["true"]).await?;
    owner.rest.ended(&id).await?;
    let path = format!("/executions/{id}/usage");
    owner.rest.get(&path).await?;
    let answer = Rest::send(other.rest.request(Method::GET, &path)).await?;
    ensure!(answer.status == 404, "{answer:?}");
    Ok(())
}

fn number(value: &Value, field: &str) -> Result<u64> {
    Ok(text(value, field)?.parse()?)
}

/// A duration of proto3 JSON, such as `12.345s`.
fn millis(value: &Value, field: &str) -> Result<u64> {
    let text = text(value, field)?;
    let seconds = text.strip_suffix('s').context("no duration")?;
    let (whole, rest) = seconds.split_once('.').unwrap_or((seconds, "000"));
    ensure!(rest.len() == 3, "it is not in milliseconds: {text}");
    Ok(whole.parse::<u64>()? * 1000 + rest.parse::<u64>()?)
}
