//! What is run is found, and its events are followed: over REST and by the CLI,
//! across kills and restarts, each once and in order.

use anyhow::{Context, Result, ensure};
use eventsource_stream::Eventsource;
use futures::StreamExt as _;
use katonic_integration_tests::{
    following::Following,
    parts,
    rest::{Rest, text},
    wait,
};
use libtest_mimic::Trial;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{Shared, alone, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_run_is_found_by_words_metrics_and_facets", a_run_is_found),
        shared("queries_that_cannot_be_meant_are_400_with_a_reason", bad_queries_are_refused),
        shared("each_event_of_a_run_comes_once_in_order_over_sse", each_event_comes_once),
        shared("search_answers_while_it_is_made_anew", search_answers_while_it_is_made_anew),
        alone("the_cli_follows_events_over_kill_9_and_down_and_up", the_cli_follows_over_restarts),
    ]
}

/// Says how good it was.
const SCRIPT: &str = "
import json, os, sys
json.dump({'accuracy': float(sys.argv[1]), 'val': {'loss': 0.5}}, open(os.environ['KATONIC_METRICS'], 'w'))
";

async fn train(rest: &Rest, project: &str, accuracy: &str) -> Result<String> {
    rest.submit(project, &["python3", "-c", SCRIPT, accuracy]).await
}

async fn search(rest: &Rest, query: &[(&str, &str)]) -> Result<Value> {
    let answer = Rest::send(rest.request(Method::GET, "/search").query(query)).await?;
    ensure!(answer.status.is_success(), "{query:?}: {answer:?}");
    Ok(answer.body)
}

fn ids(found: &Value) -> Vec<&str> {
    found["hits"].as_array().into_iter().flatten().filter_map(|hit| hit["id"].as_str()).collect()
}

async fn a_run_is_found(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("is-found").await?;
    let mut runs = Vec::new();
    for accuracy in ["0.5", "0.9", "0.7"] {
        runs.push(train(&rest, &project, accuracy).await?);
    }
    for run in &runs {
        ensure!(rest.ended(run).await?["phase"] == "PHASE_SUCCEEDED");
    }
    let here = format!("project:{project}");
    let question = [
        ("q", "metric.accuracy>=0.7 metric.val.loss:0.5 phase:succeeded"),
        ("filter", &*here),
        ("sort", "metric.accuracy:asc"),
        ("facets", "phase"),
    ];
    let found = wait::until("the runs are found", async || {
        let found = search(&rest, &question).await?;
        Ok((found["total"] == "2").then_some(found))
    })
    .await?;
    ensure!(ids(&found) == [runs[2].as_str(), runs[1].as_str()], "{found}");
    ensure!(found["hits"][0]["execution"]["metrics"]["accuracy"] == 0.7, "{found}");
    ensure!(found["facets"][0]["values"][0]["value"] == "succeeded", "{found}");
    let by_word = search(&rest, &[("q", "is-found"), ("kinds", "project")]).await?;
    ensure!(by_word["hits"][0]["project"]["projectId"] == *project, "{by_word}");
    let folder = platform.scratch()?;
    let query = format!("project:{project} accuracy>0.8");
    let seen = platform
        .cli(folder.path())
        .json(&["search", &query, "--kind", "execution", "--sort", "metric.accuracy"])
        .await?;
    ensure!(ids(&seen) == [runs[1].as_str()], "{seen}");
    let shown = platform
        .cli(folder.path())
        .ok(&["search", &query, "--sort", "metric.accuracy:desc", "--facet", "phase"])
        .await?;
    ensure!(shown.contains(&runs[1]) && shown.contains("0.9") && shown.contains("1 of 1 found"), "{shown}");
    Ok(())
}

async fn bad_queries_are_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let deep = format!("{}a{}", "(".repeat(400), ")".repeat(400));
    for query in [
        ("q", "titel:x"),
        ("q", "\"open"),
        ("q", "number:[a TO b]"),
        ("q", deep.as_str()),
        ("filter", "/.*/"),
        ("sort", "title"),
        ("facets", "metric.loss"),
        ("kinds", "token"),
        ("pageToken", "s1.0.0.0"),
        ("pageSize", "201"),
    ] {
        let answer = Rest::send(rest.request(Method::GET, "/search").query(&[query])).await?;
        ensure!(answer.status == StatusCode::BAD_REQUEST, "{query:?}: {answer:?}");
    }
    let nobody = Rest::new(platform.url(), None);
    for path in ["/search", "/events:follow"] {
        let answer = Rest::send(nobody.request(Method::GET, path)).await?;
        ensure!(answer.status == StatusCode::UNAUTHORIZED, "{path}: {answer:?}");
    }
    for query in [("cursor", "f1.1"), ("cursor", "x"), ("types", "a b"), ("projectId", "prj_x")] {
        let answer = Rest::send(rest.request(Method::GET, "/events:follow").query(&[query])).await?;
        ensure!(answer.status == StatusCode::BAD_REQUEST, "{query:?}: {answer:?}");
    }
    Ok(())
}

async fn each_event_comes_once(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("followed").await?;
    let path = format!("/events:follow?projectId={project}&types=io.katonic.execution.*");
    let mut stream = rest.request(Method::GET, &path).send().await?.error_for_status()?.bytes_stream().eventsource();
    let first = stream.next().await.context("it says where it begins")??;
    ensure!(!first.id.is_empty() && !first.data.contains("specversion"), "{first:?}");
    let id = rest.submit(&project, &["true"]).await?;
    let (mut facts, mut cursors) = (Vec::new(), Vec::new());
    while facts.last().is_none_or(|fact| fact != "io.katonic.execution.finished.v1") {
        let message = stream.next().await.context("it goes on")??;
        let answer: Value = serde_json::from_str(&message.data)?;
        ensure!(answer["cursor"] == *message.id, "{message:?}");
        let Some(event) = answer.get("event") else { continue };
        ensure!(event["subject"] == *id && event["specversion"] == "1.0", "{event}");
        facts.push(text(event, "type")?);
        cursors.push(message.id);
    }
    let wanted = ["queued", "admitted", "running", "finishing", "finished"];
    ensure!(facts == wanted.map(|fact| format!("io.katonic.execution.{fact}.v1")), "{facts:?}");
    // A browser comes again with the last id that it saw.
    let again = rest.request(Method::GET, &path).header("Last-Event-ID", &cursors[1]);
    let mut resumed = again.send().await?.error_for_status()?.bytes_stream().eventsource();
    let third = loop {
        let answer: Value = serde_json::from_str(&resumed.next().await.context("it goes on")??.data)?;
        if let Some(event) = answer.get("event") {
            break text(event, "type")?;
        }
    };
    ensure!(third == facts[2], "{third}");
    Ok(())
}

async fn search_answers_while_it_is_made_anew(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("made-anew").await?;
    let question = [("q", "made-anew"), ("kinds", "project")];
    wait::until("the project is found", async || {
        let found = search(&rest, &question).await?;
        Ok(ids(&found).contains(&project.as_str()).then_some(()))
    })
    .await?;
    let folder = platform.scratch()?;
    platform.cli(folder.path()).ok(&["admin", "search", "rebuild"]).await?;
    for _ in 0..50 {
        let found = search(&rest, &question).await?;
        ensure!(ids(&found).contains(&project.as_str()), "{found}");
    }
    Ok(())
}

async fn the_cli_follows_over_restarts(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("followed-by-cli").await?;
    let folder = platform.scratch()?;
    let following = Following::start(&platform, folder.path(), &project)?;
    let mut runs = Vec::new();
    for round in ["first", "killed", "down"] {
        match round {
            "killed" => parts::kill_9(parts::pid_of(&platform, "search-indexer")?.context("it runs")?)?,
            "down" => {
                platform.down(&[])?;
                platform.up()?;
            }
            _ => {}
        }
        let run = wait::until("a job is taken", async || Ok(rest.submit(&project, &["true"]).await.ok())).await?;
        wait::until(&format!("{run} ends"), async || {
            let Ok(execution) = rest.get(&format!("/executions/{run}")).await else { return Ok(None) };
            Ok(execution["endTime"].is_string().then_some(()))
        })
        .await?;
        runs.push(run);
    }
    let wanted: Vec<u64> = (1..=5).collect();
    let seen = wait::until("every event was followed", async || {
        let seen = following.sequences()?;
        Ok(runs.iter().all(|run| seen.get(run).is_some_and(|seen| seen.len() >= 5)).then_some(seen))
    })
    .await?;
    ensure!(runs.iter().all(|run| seen[run] == wanted), "{seen:?}");
    ensure!(seen[&project][0] == 1, "{seen:?}");
    Ok(())
}
