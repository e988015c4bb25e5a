//! One key, one object, however often and however much at once it is sent.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use katonic_integration_tests::rest::{Answer, Rest, text};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("one_key_50_times_at_once_is_one_execution", one_key_is_one_execution),
        shared("a_key_with_another_body_is_refused", a_key_with_another_body_is_refused),
        shared("a_replayed_token_shows_no_secret", a_replayed_token_shows_no_secret),
    ]
}

async fn create(rest: &Rest, path: &str, key: &str, body: &Value) -> Result<Answer> {
    Rest::send(rest.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

async fn one_key_is_one_execution(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("one-key").await?;
    let path = format!("/projects/{project}/jobs");
    let body = json!({ "command": ["true"] });
    let answers = try_join_all((0..50).map(|_| create(&rest, &path, "the-same-wish", &body))).await?;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        ensure!(answer.status == 201, "{answer:?}");
        ids.insert(text(&answer.body, "executionId")?);
    }
    ensure!(ids.len() == 1, "{ids:?}");
    let first = answers.iter().filter(|a| !a.headers.contains_key("idempotency-replayed")).count();
    ensure!(first == 1, "{first} answers say that they created it");
    let jobs = rest.get(&path).await?;
    ensure!(jobs["executions"].as_array().map(Vec::len) == Some(1), "{jobs}");
    Ok(())
}

async fn a_key_with_another_body_is_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let first = create(&rest, "/projects", "key-a", &json!({ "name": "key-one" })).await?;
    ensure!(first.status == 201 && first.headers.contains_key("location"), "{first:?}");
    let other = create(&rest, "/projects", "key-a", &json!({ "name": "key-two" })).await?;
    ensure!(other.status == 422, "{other:?}");
    Ok(())
}

async fn a_replayed_token_shows_no_secret(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let body = json!({ "name": "ci", "scopes": ["projects:read"] });
    let first = create(&rest, "/tokens", "token-key", &body).await?;
    ensure!(text(&first.body, "secret")?.starts_with("kat_"), "{first:?}");
    let replay = create(&rest, "/tokens", "token-key", &body).await?;
    ensure!(replay.body["secret"].is_null() && replay.body["secretShownBefore"] == true, "{replay:?}");
    ensure!(replay.body["token"]["tokenId"] == first.body["token"]["tokenId"], "{replay:?}");
    Ok(())
}
