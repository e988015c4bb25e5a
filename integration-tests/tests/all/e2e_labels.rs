//! What people give a job beside its command: parameters, tags, a priority, a
//! title; and that they find it again by them.

use anyhow::{Result, ensure};
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
        shared("parameters_reach_the_command_and_its_readers", parameters_reach_the_command),
        shared("jobs_are_found_by_all_of_their_tags", jobs_are_found_by_their_tags),
        shared("title_and_tags_change_under_an_etag_with_a_fact", title_and_tags_change),
        shared("a_job_with_notes_is_found_by_them_and_an_archived_one_is_not_listed", notes_and_archive),
        shared("wrong_parameters_tags_and_priorities_are_named", wrong_labels_are_named),
    ]
}

async fn parameters_reach_the_command(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    let script = r#"echo "$KATONIC_PARAM_LEARNING_RATE/$KATONIC_PARAM_NAME""#;
    let arguments = ["run", "--param", "learning_rate=0.1", "--param", "name=a=b c", "--tag", "sweep"];
    let mut arguments = arguments.to_vec();
    arguments.extend(["--priority", "high", "--", "sh", "-c", script]);
    let said = cli.ok(&arguments).await?;
    ensure!(said.contains("0.1/a=b c"), "{said}");

    let jobs = cli.json(&["jobs", "list", "--tag", "sweep"]).await?;
    let job = &jobs["executions"][0];
    ensure!(job["params"] == json!({ "learning_rate": "0.1", "name": "a=b c" }), "{job}");
    ensure!(job["priority"] == "PRIORITY_HIGH" && job["tags"] == json!(["sweep"]), "{job}");
    let shown = cli.ok(&["jobs", "show", &text(job, "executionId")?]).await?;
    ensure!(shown.contains("learning_rate=0.1 'name=a=b c'") && shown.contains("high"), "{shown}");
    Ok(())
}

async fn jobs_are_found_by_their_tags(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("tagged").await?;
    let path = format!("/projects/{project}/jobs");
    for tags in [json!(["a"]), json!(["b", "a"]), json!(["b"]), json!([])] {
        rest.post(&path, &json!({ "command": ["true"], "tags": tags })).await?;
    }
    for (query, numbers) in [("tags=a", vec!["2", "1"]), ("tags=a&tags=b", vec!["2"]), ("tags=c", vec![])] {
        let page = rest.get(&format!("{path}?{query}")).await?;
        ensure!(numbers_of(&page) == numbers, "{query}: {page}");
    }
    Ok(())
}

fn numbers_of(page: &Value) -> Vec<&str> {
    page["executions"].as_array().into_iter().flatten().filter_map(|job| job["number"].as_str()).collect()
}

async fn notes_and_archive(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let project = rest.project("with-notes").await?;
    let (noted, other) = (rest.submit(&project, &["true"]).await?, rest.submit(&project, &["true"]).await?);
    let cli = platform.cli(folder.path());
    cli.ok(&["jobs", "edit", &noted, "--notes", "overfits\nzebrafish", "--archive"]).await?;
    let shown = rest.get(&format!("/executions/{noted}")).await?;
    ensure!(shown["notes"] == "overfits\nzebrafish" && shown["archived"] == true, "{shown}");
    for (query, number) in [("", "2"), ("?archived=true", "1"), ("?number=1", "1")] {
        let page = rest.get(&format!("/projects/{project}/jobs{query}")).await?;
        ensure!(numbers_of(&page) == [number], "{query}: {page}");
    }
    wait::until("its notes are found", async || {
        let found = rest.get("/search?q=zebrafish").await?;
        Ok((found["hits"][0]["id"] == noted).then_some(()))
    })
    .await?;
    cli.ok(&["jobs", "edit", &noted, "--restore"]).await?;
    let restored = rest.get(&format!("/executions/{noted}")).await?;
    ensure!(restored["archived"].is_null() && restored["notes"] == shown["notes"], "{restored}");
    let wrong = patch(&rest, &other, None, &json!({ "notes": "\u{1b}[31m" })).await?;
    ensure!(wrong.status == 400 && wrong.body["violations"][0]["field"] == "notes", "{wrong:?}");
    Ok(())
}

async fn patch(rest: &Rest, id: &str, etag: Option<&str>, body: &Value) -> Result<Answer> {
    let request = rest.request(Method::PATCH, &format!("/executions/{id}")).json(body);
    Rest::send(if let Some(etag) = etag { request.header("if-match", etag) } else { request }).await
}

async fn title_and_tags_change(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("edited").await?;
    let body = json!({ "command": ["true"], "tags": ["first"] });
    let job = rest.post(&format!("/projects/{project}/jobs"), &body).await?;
    let (id, etag) = (text(&job, "executionId")?, text(&job, "etag")?);

    let titled = patch(&rest, &id, Some(&etag), &json!({ "title": "the best" })).await?;
    ensure!(titled.status == 200 && titled.body["title"] == "the best", "{titled:?}");
    ensure!(titled.body["tags"] == json!(["first"]) && titled.body["etag"] != job["etag"], "{titled:?}");
    let stale = patch(&rest, &id, Some(&etag), &json!({ "title": "lost" })).await?;
    ensure!(stale.status == 412 && stale.body["code"] == "ETAG_STALE", "{stale:?}");
    let untagged = patch(&rest, &id, None, &json!({ "updateMask": "tags" })).await?;
    ensure!(untagged.status == 200 && untagged.body["tags"].is_null(), "{untagged:?}");
    ensure!(untagged.body["title"] == "the best", "{untagged:?}");
    let unknown = patch(&rest, &id, None, &json!({ "updateMask": "phase" })).await?;
    ensure!(unknown.status == 400, "{unknown:?}");

    rest.ended(&id).await?;
    let late = patch(&rest, &id, None, &json!({ "title": "later" })).await?;
    ensure!(late.status == 200, "what has ended is called otherwise too: {late:?}");
    let events = rest.get(&format!("/executions/{id}/events")).await?;
    let updated = events["events"].as_array().into_iter().flatten();
    let updated = updated.filter(|event| event["type"] == "io.katonic.execution.updated.v1").count();
    ensure!(updated == 3, "{events}");
    Ok(())
}

async fn wrong_labels_are_named(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("wrong-labels").await?;
    for (field, value) in [
        ("params", json!({ "a-b": "1" })),
        ("params", json!({ "a": "1", "A": "2" })),
        ("tags", json!(["two words"])),
        ("priority", json!(7)),
    ] {
        let request = rest.request(Method::POST, &format!("/projects/{project}/jobs"));
        let answer = Rest::send(request.json(&json!({ "command": ["true"], field: value }))).await?;
        ensure!(answer.status == 400 && answer.body["violations"][0]["field"] == field, "{field}: {answer:?}");
    }
    Ok(())
}
