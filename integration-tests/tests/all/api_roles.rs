//! Users and roles on the running platform: what ends when a right does, and
//! who stands above whom.

use anyhow::{Context, Result, ensure};
use futures::StreamExt as _;
use katonic_integration_tests::{
    rest::{Rest, text},
    users::{self, User},
    wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::json;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("an_open_stream_ends_when_the_role_is_taken_away", an_open_stream_ends_with_the_role),
        shared("a_disabled_user_is_refused_everywhere_and_their_streams_end", a_disabled_user_is_refused),
        shared("a_launcher_stops_only_what_they_launched", a_launcher_stops_their_own),
        shared("nobody_acts_on_a_higher_role", nobody_acts_on_a_higher_role),
        shared("ids_of_two_projects_in_one_request_are_refused", mixed_ids_are_refused),
        shared("the_command_line_makes_and_disables_users", the_command_line_makes_and_disables_users),
    ]
}

/// A job that writes a line and then runs until it is stopped.
const ENDLESS: [&str; 3] = ["sh", "-c", "echo here; exec sleep 600"];

/// Follows a log until its stream ends; whatever it ends by.
async fn follow(user: &User, execution: &str) -> Result<impl Future<Output = String> + use<>> {
    let path = format!("/executions/{execution}/logs:follow");
    let response = user.rest.request(Method::GET, &path).header("accept", "text/event-stream").send().await?;
    ensure!(response.status() == 200, "{}", response.status());
    let mut body = Box::pin(response.bytes_stream());
    let first = body.next().await.context("nothing came")??;
    Ok(async move {
        let mut seen = first.to_vec();
        while let Some(Ok(chunk)) = body.next().await {
            seen.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&seen).into_owned()
    })
}

async fn an_open_stream_ends_with_the_role(platform: Shared) -> Result<()> {
    let (ada, bob) = (users::make(&platform, "ada").await?, users::make(&platform, "bob").await?);
    let project = ada.rest.project("followed").await?;
    ada.share(&project, &bob.id, "ROLE_READER").await?;
    let execution = ada.rest.submit(&project, &ENDLESS).await?;
    let rest_of_it = follow(&bob, &execution).await?;
    let grant = format!("/projects/{project}/grants/{}", bob.id);
    let taken = Rest::send(ada.rest.request(Method::DELETE, &grant)).await?;
    ensure!(taken.status.is_success(), "{taken:?}");
    let seen = tokio::time::timeout(wait::LIMIT, rest_of_it).await.context("the stream stays open")?;
    ensure!(seen.contains("event: problem"), "{seen}");
    let again = Rest::send(bob.rest.request(Method::GET, &format!("/executions/{execution}"))).await?;
    ensure!(again.status == 404, "{again:?}");
    ada.rest.post(&format!("/executions/{execution}:stop"), &json!({})).await?;
    Ok(())
}

async fn a_disabled_user_is_refused(platform: Shared) -> Result<()> {
    let admin = platform.rest();
    let ada = users::make(&platform, "ada").await?;
    let project = ada.rest.project("theirs").await?;
    let execution = ada.rest.submit(&project, &ENDLESS).await?;
    let rest_of_it = follow(&ada, &execution).await?;
    admin.post(&format!("/users/{}:disable", ada.id), &json!({})).await?;
    let seen = tokio::time::timeout(wait::LIMIT, rest_of_it).await.context("the stream stays open")?;
    ensure!(seen.contains("event: problem"), "{seen}");
    ada.refused().await?;
    let git = format!("{}/git/{project}.git/info/refs?service=git-upload-pack", platform.url());
    let fetched = reqwest::Client::new().get(git).bearer_auth(&ada.token).send().await?;
    ensure!(fetched.status() == 401, "{}", fetched.status());

    admin.post(&format!("/executions/{execution}:stop"), &json!({})).await?;
    admin.post(&format!("/users/{}:enable", ada.id), &json!({})).await?;
    wait::until("they are let in again", async || Ok(ada.rest.get("/self").await.ok())).await?;
    Ok(())
}

async fn a_launcher_stops_their_own(platform: Shared) -> Result<()> {
    let (ada, bob) = (users::make(&platform, "ada").await?, users::make(&platform, "bob").await?);
    let project = ada.rest.project("launched").await?;
    ada.share(&project, &bob.id, "ROLE_LAUNCHER").await?;
    let (adas, bobs) = (ada.rest.submit(&project, &ENDLESS).await?, bob.rest.submit(&project, &ENDLESS).await?);
    let stop = |execution: &str| bob.rest.request(Method::POST, &format!("/executions/{execution}:stop"));
    let refused = Rest::send(stop(&adas).json(&json!({}))).await?;
    ensure!(refused.status == 403, "{refused:?}");
    let stopped = Rest::send(stop(&bobs).json(&json!({}))).await?;
    ensure!(stopped.status == 200, "{stopped:?}");
    ada.rest.post(&format!("/executions/{adas}:stop"), &json!({})).await?;
    Ok(())
}

async fn nobody_acts_on_a_higher_role(platform: Shared) -> Result<()> {
    let admin = platform.rest();
    let itself = text(&admin.get("/self").await?, "userId")?;
    let ada = users::make(&platform, "ada").await?;
    let token = json!({ "name": "stolen", "scopes": ["*"] });
    for (path, body) in [
        ("/users".to_owned(), json!({ "name": "eve", "admin": true })),
        (format!("/users/{itself}:disable"), json!({})),
        (format!("/users/{itself}/tokens"), token.clone()),
        (format!("/users/{}/tokens", ada.id), token.clone()),
    ] {
        let refused = Rest::send(ada.rest.request(Method::POST, &path).json(&body)).await?;
        ensure!(refused.status == 403, "{path}: {refused:?}");
    }
    let last = Rest::send(admin.request(Method::POST, &format!("/users/{itself}:disable")).json(&json!({}))).await?;
    ensure!(last.status == 409 && last.body["code"] == "LAST_ADMINISTRATOR", "{last:?}");
    Ok(())
}

async fn mixed_ids_are_refused(platform: Shared) -> Result<()> {
    let (ada, bob) = (users::make(&platform, "ada").await?, users::make(&platform, "bob").await?);
    let (adas, bobs) = (ada.rest.project("hers").await?, bob.rest.project("his").await?);
    let path = format!("/projects/{bobs}");
    let body = json!({ "projectId": adas, "description": "taken over" });
    let mixed = Rest::send(bob.rest.request(Method::PATCH, &path).json(&body)).await?;
    ensure!(mixed.status == 400, "{mixed:?}");
    let body = json!({ "projectId": bobs, "command": ["true"] });
    let jobs = format!("/projects/{adas}/jobs");
    let mixed = Rest::send(bob.rest.request(Method::POST, &jobs).json(&body)).await?;
    ensure!(mixed.status == 400, "{mixed:?}");
    let foreign = Rest::send(bob.rest.request(Method::POST, &jobs).json(&json!({ "command": ["true"] }))).await?;
    ensure!(foreign.status == 404, "{foreign:?}");
    Ok(())
}

async fn the_command_line_makes_and_disables_users(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    // A name that no other test takes.
    let name = users::make(&platform, "seed").await?.name.replace("seed", "made");
    let made = cli.json(&["users", "create", &name, "--display-name", "Ada L."]).await?;
    ensure!(made["displayName"] == "Ada L." && made["admin"].is_null(), "{made}");
    let token = cli.json(&["users", "token", &name, "--scope", "projects:read", "--scope", "self:read"]).await?;
    let rest = Rest::new(platform.url(), Some(&text(&token, "secret")?));
    ensure!(rest.get("/self").await?["name"] == name.as_str());
    ensure!(cli.ok(&["users", "list"]).await?.contains(&name));
    ensure!(cli.ok(&["users", "disable", &name]).await?.contains("disabled"));
    users::refused(&rest).await?;
    ensure!(!cli.ok(&["users", "enable", &name]).await?.contains("disabled"));
    let again = cli.output(&["users", "create", &name]).await?;
    ensure!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("next:"), "{again:?}");
    Ok(())
}
