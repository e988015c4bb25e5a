//! Projects in full, over REST: edits that know what they change, archives
//! that are read and not written, lists of what one may see.

use anyhow::{Result, ensure};
use katonic_integration_tests::{
    rest::{Answer, Rest, text},
    users::{self, User},
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("an_edit_of_a_project_knows_what_it_changes", an_edit_knows_what_it_changes),
        shared("an_archived_project_is_read_and_neither_run_nor_pushed_to", an_archived_project_is_only_read),
        shared("a_list_shows_what_one_may_see_page_by_page", a_list_shows_what_one_may_see),
        shared("the_command_line_shares_edits_and_archives", the_command_line_shares_edits_and_archives),
    ]
}

async fn patch(user: &User, path: &str, if_match: Option<&str>, body: &Value) -> Result<Answer> {
    let mut request = user.rest.request(Method::PATCH, path).json(body);
    if let Some(etag) = if_match {
        request = request.header("if-match", etag);
    }
    Rest::send(request).await
}

async fn an_edit_knows_what_it_changes(platform: Shared) -> Result<()> {
    let ada = users::make(&platform, "ada").await?;
    let project = ada.rest.project("churn").await?;
    let path = format!("/projects/{project}");
    let read = Rest::send(ada.rest.request(Method::GET, &path)).await?;
    let etag = read.headers["etag"].to_str()?.to_owned();

    let tagged = patch(&ada, &path, Some(&etag), &json!({ "tags": ["b", "a"] })).await?;
    ensure!(tagged.status == 200 && tagged.body["tags"] == json!(["a", "b"]), "{tagged:?}");
    ensure!(tagged.headers["etag"] != etag.as_str(), "{tagged:?}");
    let stale = patch(&ada, &path, Some(&etag), &json!({ "description": "x" })).await?;
    ensure!(stale.status == 412 && stale.body["code"] == "ETAG_STALE", "{stale:?}");

    let masked = format!("{path}?updateMask=description,tags");
    let cleared = patch(&ada, &masked, None, &json!({ "description": "new", "name": "left-alone" })).await?;
    ensure!(cleared.status == 200 && cleared.body["description"] == "new", "{cleared:?}");
    ensure!(cleared.body["name"] == "churn" && cleared.body["tags"].is_null(), "{cleared:?}");
    for (mask, body) in [
        ("ownerId", json!({})),
        ("nothing", json!({})),
        ("name", json!({ "name": "Not A Name" })),
        ("tags", json!({ "tags": [""] })),
    ] {
        let refused = patch(&ada, &format!("{path}?updateMask={mask}"), None, &body).await?;
        ensure!(refused.status == 400, "{mask}: {refused:?}");
    }

    ada.rest.project("taken").await?;
    let taken = patch(&ada, &path, None, &json!({ "name": "taken" })).await?;
    ensure!(taken.status == 409 && taken.body["code"] == "PROJECT_EXISTS", "{taken:?}");
    let renamed = patch(&ada, &path, None, &json!({ "name": "kept" })).await?;
    ensure!(renamed.body["name"] == "kept", "{renamed:?}");
    Ok(())
}

async fn an_archived_project_is_only_read(platform: Shared) -> Result<()> {
    let ada = users::make(&platform, "ada").await?;
    let project = ada.rest.project("old").await?;
    let execution = ada.rest.submit(&project, &["echo", "kept"]).await?;
    ada.rest.settled(&execution).await?;
    let archived = ada.rest.post(&format!("/projects/{project}:archive"), &json!({})).await?;
    ensure!(archived["archived"] == true, "{archived}");

    let jobs = format!("/projects/{project}/jobs");
    let launched = Rest::send(ada.rest.request(Method::POST, &jobs).json(&json!({ "command": ["true"] }))).await?;
    ensure!(launched.status == 409 && launched.body["code"] == "PROJECT_ARCHIVED", "{launched:?}");
    let edited = patch(&ada, &format!("/projects/{project}"), None, &json!({ "description": "x" })).await?;
    ensure!(edited.status == 409 && edited.body["code"] == "PROJECT_ARCHIVED", "{edited:?}");
    let push = push(&platform, &ada, &project).await?;
    ensure!(push == 409, "a push answers {push}");

    ensure!(ada.rest.log(&execution).await?.len() == 1);
    ada.rest.get(&jobs).await?;
    let names = |list: &Value| list["projects"].as_array().map_or(0, Vec::len);
    ensure!(names(&ada.rest.get("/projects").await?) == 0);
    ensure!(names(&ada.rest.get("/projects?archived=true").await?) == 1);

    ada.rest.post(&format!("/projects/{project}:restore"), &json!({})).await?;
    ada.rest.submit(&project, &["true"]).await?;
    Ok(())
}

/// The status of a push without commands: enough to be let in or not.
async fn push(platform: &Shared, user: &User, project: &str) -> Result<u16> {
    let url = format!("{}/git/{project}.git/git-receive-pack", platform.url());
    let request = reqwest::Client::new().post(url).bearer_auth(&user.token);
    let request = request.header("content-type", "application/x-git-receive-pack-request").body("0000");
    Ok(request.send().await?.status().as_u16())
}

async fn a_list_shows_what_one_may_see(platform: Shared) -> Result<()> {
    let (ada, bob) = (users::make(&platform, "ada").await?, users::make(&platform, "bob").await?);
    let lab = text(&ada.rest.post("/organisations", &json!({ "name": ada.name })).await?, "organisationId")?;
    let member = format!("/organisations/{lab}/members/{}", bob.id);
    ada.rest.put(&member, &json!({ "role": "ORGANISATION_ROLE_MEMBER" })).await?;
    let mut wanted = Vec::new();
    for n in 0..3 {
        wanted.push(bob.rest.project(&format!("own-{n}")).await?);
        let body = json!({ "name": format!("lab-{n}"), "ownerId": lab });
        wanted.push(text(&ada.rest.post("/projects", &body).await?, "projectId")?);
        let shared = ada.rest.project(&format!("shared-{n}")).await?;
        ada.share(&shared, &bob.id, "ROLE_RESULTS_CONSUMER").await?;
        wanted.push(shared);
        ada.rest.project(&format!("hidden-{n}")).await?;
    }
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = bob.rest.get(&format!("/projects?pageSize=2&pageToken={token}")).await?;
        for project in page["projects"].as_array().into_iter().flatten() {
            listed.push(text(project, "projectId")?);
        }
        // Left out of the last page.
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
    }
    listed.sort();
    wanted.sort();
    ensure!(listed == wanted, "listed {listed:#?}, wanted {wanted:#?}");
    let all = Rest::send(bob.rest.request(Method::GET, "/projects?all=true")).await?;
    ensure!(all.status == 403, "{all:?}");
    platform.rest().get("/projects?all=true").await?;
    Ok(())
}

async fn the_command_line_shares_edits_and_archives(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let ada = users::make(&platform, "ada").await?;
    let project = text(&cli.json(&["projects", "create", &ada.name]).await?, "projectId")?;
    cli.ok(&["projects", "edit", &project, "--tag", "a", "--tag", "b", "--description", "mine"]).await?;
    let edited = cli.json(&["projects", "edit", &project, "--remove-tag", "a"]).await?;
    ensure!(edited["tags"] == json!(["b"]) && edited["description"] == "mine", "{edited}");
    cli.ok(&["projects", "share", &project, &ada.name, "--role", "launcher"]).await?;
    ada.rest.submit(&project, &["true"]).await?;
    let members = cli.ok(&["projects", "members", &project]).await?;
    ensure!(members.contains(&ada.id) && members.contains("launcher"), "{members}");
    cli.ok(&["projects", "unshare", &project, &ada.name]).await?;
    ensure!(!cli.ok(&["projects", "members", &project]).await?.contains(&ada.id));

    let lab = format!("org:{}", ada.name);
    cli.ok(&["orgs", "create", &ada.name]).await?;
    cli.ok(&["orgs", "add", &ada.name, &ada.name]).await?;
    cli.ok(&["projects", "transfer", &project, &lab]).await?;
    ensure!(ada.rest.get(&format!("/projects/{project}")).await?["ownerId"].as_str().is_some());
    let archived = cli.ok(&["projects", "archive", &project]).await?;
    ensure!(archived.contains("archived"), "{archived}");
    ensure!(!cli.ok(&["projects", "restore", &project]).await?.contains("archived"));
    Ok(())
}
