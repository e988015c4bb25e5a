//! What administrators change of the running platform.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use katonic_domain::ExecutionId;
use katonic_integration_tests::{
    rest::{Rest, text},
    wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{Shared, shared};

/// A part has one log level: these tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

const PARTS: [&str; 6] = ["metadata", "git", "dispatcher", "log-streamer", "search-indexer", "api-gateway"];

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_log_level_changed_at_run_time_shows_in_the_next_line", a_changed_level_shows),
        shared("every_part_tells_and_changes_its_log_level", every_part_tells_and_changes_its_level),
        shared("a_log_level_ends_by_itself", a_level_ends_by_itself),
        shared("every_metric_that_is_served_is_documented", every_metric_is_documented),
        shared("a_log_level_takes_filters_and_known_parts_only", only_filters_and_known_parts),
    ]
}

async fn a_changed_level_shows(platform: Shared) -> Result<()> {
    let _turn = TURN.lock().await;
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let (before, after) = ("a1".repeat(16), "b2".repeat(16));
    ask_for_nothing(&platform, &before).await?;
    let filter = "info,katonic_service::rpc=debug";
    let told = cli.json(&["admin", "log-level", "dispatcher", filter, "--for", "10m"]).await?;
    ensure!(told["filter"] == filter && told["restoreTime"].is_string(), "{told}");
    ask_for_nothing(&platform, &after).await?;
    let log = platform.home().join("log/dispatcher.log");
    wait::until("a line below info is written", async || {
        Ok(debug_lines(&fs::read_to_string(&log)?, &after).then_some(()))
    })
    .await?;
    ensure!(!debug_lines(&fs::read_to_string(&log)?, &before), "a line below info was written before");
    let told = cli.json(&["admin", "log-level", "dispatcher", "--reset"]).await?;
    ensure!(told["filter"] == told["configuredFilter"] && told["restoreTime"].is_null(), "{told}");
    Ok(())
}

/// A request that is refused below `info`, in a trace of its own.
async fn ask_for_nothing(platform: &Shared, trace: &str) -> Result<()> {
    let rest = platform.rest().traced(trace);
    let path = format!("/executions/{}", ExecutionId::generate());
    let answer = Rest::send(rest.request(Method::GET, &path)).await?;
    ensure!(answer.status == 404, "{answer:?}");
    Ok(())
}

fn debug_lines(log: &str, trace: &str) -> bool {
    let lines = log.lines().filter(|line| line.contains(trace));
    lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|line| line["level"] == "DEBUG")
}

async fn every_part_tells_and_changes_its_level(platform: Shared) -> Result<()> {
    let _turn = TURN.lock().await;
    let rest = platform.rest();
    for part in PARTS {
        let told = rest.get(&format!("/parts/{part}/log-level")).await?;
        ensure!(told["part"] == part && told["configuredFilter"] == "info", "{told}");
        // One that changes no line: other tests go on meanwhile.
        let body = json!({ "filter": "info,katonic_nothing=debug", "lifetime": "3600s" });
        let told = rest.post(&format!("/parts/{part}:setLogLevel"), &body).await?;
        ensure!(told["filter"] == "info,katonic_nothing=debug", "{told}");
    }
    Ok(())
}

async fn a_level_ends_by_itself(platform: Shared) -> Result<()> {
    let _turn = TURN.lock().await;
    let rest = platform.rest();
    rest.post("/parts/git:setLogLevel", &json!({ "filter": "info,katonic_nothing=trace", "lifetime": "1s" })).await?;
    wait::until("what is configured holds again", async || {
        let told = rest.get("/parts/git/log-level").await?;
        Ok((told["filter"] != "info,katonic_nothing=trace").then_some(()))
    })
    .await
}

async fn only_filters_and_known_parts(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let set = async |part: &str, body: Value| {
        Rest::send(rest.request(Method::POST, &format!("/parts/{part}:setLogLevel")).json(&body)).await
    };
    for body in [json!({ "filter": "debgu" }), json!({ "filter": "debug", "lifetime": "0s" })] {
        let answer = set("log-streamer", body).await?;
        ensure!(answer.status == 400, "{answer:?}");
    }
    ensure!(set("store", json!({ "filter": "debug" })).await?.status == 404);
    let created = rest.post("/tokens", &json!({ "name": "reads", "scopes": ["operations:read"] })).await?;
    let reader = Rest::new(platform.url(), Some(&text(&created, "secret")?));
    reader.get("/parts/metadata/log-level").await?;
    let request = reader.request(Method::POST, "/parts/metadata:setLogLevel").json(&json!({ "filter": "off" }));
    ensure!(Rest::send(request).await?.status == 403);
    Ok(())
}

async fn every_metric_is_documented(platform: Shared) -> Result<()> {
    let documented = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md"))?;
    for part in PARTS {
        let file = fs::read_to_string(platform.home().join(format!("config/{part}.toml")))?;
        let listen = file.lines().find_map(|line| line.strip_prefix("listen = ")).context("it listens somewhere")?;
        let metrics = reqwest::get(format!("http://{}/metrics", listen.trim_matches('"'))).await?.text().await?;
        let names: Vec<_> =
            metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        ensure!(!names.is_empty(), "{part} serves no metrics");
        for name in names {
            ensure!(documented.contains(&format!("| `{name}")), "{name} of {part} has no line in docs/metrics.md");
        }
    }
    Ok(())
}
