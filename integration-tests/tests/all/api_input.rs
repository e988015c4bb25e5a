//! Wrong input has a stated error: never a 5xx, never an answer that hides it.

use anyhow::{Result, ensure};
use katonic_integration_tests::rest::{Answer, Rest};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("bad_names_ids_and_fields_are_400_with_the_field", bad_fields_are_named),
        shared("bodies_that_are_no_json_or_too_large_are_refused", bad_bodies_are_refused),
        shared("paths_and_methods_that_are_not_there_are_404_and_405", unknown_paths_are_refused),
        shared("git_refuses_paths_and_refs_that_reach_elsewhere", git_refuses_foreign_paths_and_refs),
        shared("a_name_twice_is_a_conflict", a_name_twice_is_a_conflict),
        shared("page_sizes_and_tokens_are_checked", page_sizes_and_tokens_are_checked),
    ]
}

fn is_problem(answer: &Answer, status: u16) -> bool {
    let media_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    answer.status == status
        && media_type.starts_with("application/problem+json")
        && answer.body["status"] == status
        && answer.body["code"].is_string()
}

async fn post(rest: &Rest, path: &str, body: &Value) -> Result<Answer> {
    Rest::send(rest.request(Method::POST, path).json(body)).await
}

async fn bad_fields_are_named(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    for name in ["", "A", "-a", "a-", "a/b", "..", "a\u{0}b", "é", &"x".repeat(64)] {
        let answer = post(&rest, "/projects", &json!({ "name": name })).await?;
        ensure!(is_problem(&answer, 400), "{name:?}: {answer:?}");
        ensure!(answer.body["violations"][0]["field"] == "name", "{name:?}: {answer:?}");
    }
    let project = rest.project("bad-fields").await?;
    let jobs = format!("/projects/{project}/jobs");
    for body in [
        json!({}),
        json!({ "command": [] }),
        json!({ "command": [""] }),
        json!({ "command": ["a\u{0}b"] }),
        json!({ "command": vec!["x"; 257] }),
        json!({ "command": ["x".repeat(40_000)] }),
        json!({ "command": "true" }),
        json!({ "command": ["true"], "commit": "HEAD" }),
        json!({ "command": ["true"], "commit": "--upload-pack=x" }),
        json!({ "command": ["true"], "commit": "../../etc/passwd" }),
        json!({ "command": ["true"], "commit": "0".repeat(40) }),
        json!({ "command": ["true"], "tier": "no-such-tier" }),
        json!({ "command": ["true"], "timeout": "-1s" }),
        json!({ "command": ["true"], "timeout": "forever" }),
        json!({ "command": ["true"], "timeout": 5 }),
        json!({ "command": ["true"], "unknownField": 1 }),
        json!({ "command": ["true"], "title": "x".repeat(201) }),
    ] {
        let answer = post(&rest, &jobs, &body).await?;
        ensure!(is_problem(&answer, 400) || is_problem(&answer, 422), "{body}: {answer:?}");
    }
    for id in
        ["x", "prj_x", "exe_01h455vb4pex5vsknk084sn02q", "%2e%2e", "..%2f..%2fetc%2fpasswd", "prj_%00", "'\"{$gt:1}"]
    {
        let answer = Rest::send(rest.request(Method::GET, &format!("/projects/{id}"))).await?;
        ensure!(is_problem(&answer, 400) || is_problem(&answer, 404), "{id:?}: {answer:?}");
    }
    Ok(())
}

async fn bad_bodies_are_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let send = async |body: Vec<u8>, media_type: &str| {
        let request = rest.request(Method::POST, "/projects").header("content-type", media_type).body(body);
        Rest::send(request).await
    };
    let deep = [vec![b'['; 20_000], vec![b']'; 20_000]].concat();
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        b"{\"name\":1}".to_vec(),
        deep,
    ] {
        let answer = send(body.clone(), "application/json").await?;
        ensure!(is_problem(&answer, 400), "{:?}: {answer:?}", String::from_utf8_lossy(&body[..body.len().min(40)]));
    }
    let answer = send(vec![b' '; 3 << 20], "application/json").await?;
    ensure!(is_problem(&answer, 413), "{answer:?}");
    let answer = send(b"name=x".to_vec(), "application/x-www-form-urlencoded").await?;
    ensure!(is_problem(&answer, 415), "{answer:?}");
    let answer = Rest::send(rest.request(Method::GET, "/projects").header("x-filler", "x".repeat(100_000))).await?;
    ensure!(answer.status == 431 || answer.status == 400, "{answer:?}");
    Ok(())
}

async fn unknown_paths_are_refused(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    for path in ["/nothing", "/projects/a/b/c", "/../secrets", "/%2e%2e/secrets"] {
        let answer = Rest::send(rest.request(Method::GET, path)).await?;
        ensure!(answer.status == 404, "{path}: {answer:?}");
    }
    for method in [Method::DELETE, Method::PUT, Method::TRACE] {
        let answer = Rest::send(rest.request(method.clone(), "/projects")).await?;
        ensure!(answer.status == 405 && answer.headers.contains_key("allow"), "{method}: {answer:?}");
    }
    Ok(())
}

async fn git_refuses_foreign_paths_and_refs(platform: Shared) -> Result<()> {
    let project = platform.rest().project("git-paths").await?;
    let client = reqwest::Client::new();
    for path in [
        "/git/..%2f..%2fsecrets%2fadmin-token",
        "/git/%2e%2e/%2e%2e/etc/passwd",
        "/git/-x.git/info/refs?service=git-upload-pack",
        "/git/prj_x.git/info/refs?service=git-upload-pack",
    ] {
        let url = format!("{}{path}", platform.url());
        let status = client.get(url).basic_auth("katonic", Some(platform.admin_token())).send().await?.status();
        ensure!(status.is_client_error(), "{path}: {status}");
    }
    let base = format!("{}/git/{project}.git", platform.url());
    for path in ["/config", "/HEAD", "/objects/info/packs", "/info/refs", "/info/refs?service=git-upload-archive"] {
        let request = client.get(format!("{base}{path}")).basic_auth("katonic", Some(platform.admin_token()));
        let status = request.send().await?.status();
        ensure!(status.is_client_error(), "{path}: {status}");
    }
    let status = client.get(format!("{base}/info/refs?service=git-upload-pack")).send().await?.status();
    ensure!(status == 401, "without a token: {status}");
    Ok(())
}

async fn a_name_twice_is_a_conflict(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    rest.project("twice").await?;
    let answer = post(&rest, "/projects", &json!({ "name": "twice" })).await?;
    ensure!(is_problem(&answer, 409) && answer.body["code"] == "PROJECT_EXISTS", "{answer:?}");
    Ok(())
}

async fn page_sizes_and_tokens_are_checked(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("pages").await?;
    for _ in 0..3 {
        rest.submit(&project, &["true"]).await?;
    }
    let path = format!("/projects/{project}/jobs");
    for query in ["pageSize=-1", "pageSize=201", "pageSize=x", "pageToken=%00", "pageToken=garbage", "nothing=1"] {
        let answer = Rest::send(rest.request(Method::GET, &format!("{path}?{query}"))).await?;
        ensure!(is_problem(&answer, 400), "{query}: {answer:?}");
    }
    let mut numbers = Vec::new();
    let mut token = String::new();
    loop {
        let page = rest.get(&format!("{path}?pageSize=1&pageToken={token}")).await?;
        let executions = page["executions"].as_array().cloned().unwrap_or_default();
        numbers.extend(executions.iter().map(|e| e["number"].as_str().map(ToOwned::to_owned)));
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    ensure!(numbers == ["3", "2", "1"].map(|n| Some(n.to_owned())), "{numbers:?}");
    Ok(())
}
