//! Server-Sent Events and lines of JSON: ids, resuming, and every way that a stream ends.

use std::time::Duration;

use http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use reqwest::Response;
use tokio::time::timeout;

use crate::{
    Outcome,
    world::{Standing, World},
};

/// Generous: a loaded machine must not fail these.
const PATIENCE: Duration = Duration::from_mins(1);

async fn follow(world: &World, token: &str, execution: &str) -> Result<Response, Box<dyn std::error::Error>> {
    let path = world.uri(&format!("/api/v1/executions/{execution}/logs:follow"));
    Ok(world.http.get(path).bearer_auth(token).send().await?)
}

/// Reads until `wanted` is there or the stream ends.
async fn read_until(response: &mut Response, wanted: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut text = String::new();
    while !text.contains(wanted) {
        match timeout(PATIENCE, response.chunk()).await?? {
            Some(chunk) => text.push_str(std::str::from_utf8(&chunk)?),
            None => break,
        }
    }
    Ok(text)
}

#[tokio::test]
async fn events_carry_their_cursor_and_a_client_goes_on_after_the_last() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let response = follow(&world, &token, "ends").await?;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.text().await?, "id: 1\ndata: {\"cursor\":\"1\"}\n\nid: 2\ndata: {\"cursor\":\"2\"}\n\n");

    let path = world.uri("/api/v1/executions/ends/logs:follow?cursor=1");
    let resumed = world.http.get(path).bearer_auth(&token).header("last-event-id", "7").send().await?;
    assert!(resumed.text().await?.starts_with("id: 8\n"));
    world.finish().await
}

#[tokio::test]
async fn who_asks_for_lines_gets_one_object_each() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let lines = async |execution: &str| {
        let path = world.uri(&format!("/api/v1/executions/{execution}/logs:follow"));
        let asked = world.http.get(path).bearer_auth(&token).header(ACCEPT, "application/x-ndjson");
        let response = asked.send().await?.error_for_status()?;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/x-ndjson");
        response.text().await
    };
    assert_eq!(lines("ends").await?, "{\"cursor\":\"1\"}\n{\"cursor\":\"2\"}\n");
    let broken = lines("breaks").await?;
    let last: serde_json::Value = serde_json::from_str(broken.lines().last().unwrap_or_default())?;
    assert_eq!(last["problem"]["code"], "STORE_UNAVAILABLE");
    let path = world.uri("/api/v1/executions/ends/logs:follow");
    let refused = world.http.get(path).bearer_auth(&token).header(ACCEPT, "application/json").send().await?;
    assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
    world.finish().await
}

#[tokio::test]
async fn a_refusal_is_a_status_and_a_later_failure_an_event() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    assert_eq!(follow(&world, &token, "hidden").await?.status(), StatusCode::NOT_FOUND);
    let broken = follow(&world, &token, "breaks").await?.text().await?;
    assert!(broken.contains("\n\nevent: problem\ndata: {") && broken.contains("STORE_UNAVAILABLE"), "{broken}");
    world.finish().await
}

#[tokio::test]
async fn a_revoked_token_ends_its_open_streams() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let mut response = follow(&world, &token, "runs").await?;
    read_until(&mut response, "id: 2").await?;
    world.tokens.set(&token, Standing::Revoked);
    let end = read_until(&mut response, "TOKEN_REVOKED").await?;
    assert!(end.contains("event: problem"), "{end}");
    assert_eq!(response.chunk().await?, None);
    world.finish().await
}

#[tokio::test]
async fn a_drain_ends_open_streams_with_a_word() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let mut response = follow(&world, &token, "runs").await?;
    read_until(&mut response, "id: 2").await?;
    world.drain();
    let end = read_until(&mut response, "DRAINING").await?;
    assert!(end.contains("event: problem"), "{end}");
    timeout(PATIENCE, world.finish()).await?
}
