//! Many jobs in one call: each with its own answer, and once however often it is sent.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::rest::{Answer, Rest};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_thousand_jobs_in_one_call_are_all_accepted_and_once", a_thousand_jobs),
        shared("one_refused_job_of_many_holds_up_no_other", one_refused_job),
        shared("too_many_jobs_or_none_are_refused_as_a_whole", too_many_or_none),
    ]
}

async fn submit(rest: &Rest, project: &str, key: &str, jobs: &[Value]) -> Result<Answer> {
    let request = rest.request(Method::POST, &format!("/projects/{project}/jobs:batchSubmit"));
    Rest::send(request.header("idempotency-key", key).json(&json!({ "jobs": jobs }))).await
}

fn answers(answer: &Answer) -> Result<&Vec<Value>> {
    answer.body["answers"].as_array().with_context(|| format!("no answers in {answer:?}"))
}

fn ids(answer: &Answer) -> Result<BTreeSet<&str>> {
    Ok(answers(answer)?.iter().filter_map(|one| one["executionId"].as_str()).collect())
}

async fn a_thousand_jobs(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("a-thousand").await?;
    // Few of them run: what is tested is that they are accepted.
    let size = json!({ "name": "a-thousand", "cpuMillis": 100, "memoryBytes": "67108864", "maxRunning": 1 });
    rest.post("/hardware-tiers", &size).await?;
    let job =
        |index: usize| json!({ "command": ["true"], "tier": "a-thousand", "params": { "index": index.to_string() } });
    let jobs: Vec<Value> = (0..1_000).map(job).collect();
    let first = submit(&rest, &project, "a-thousand", &jobs).await?;
    ensure!(first.status == 201, "{first:?}");
    ensure!(ids(&first)?.len() == 1_000 && answers(&first)?.iter().all(|one| one["problem"].is_null()));
    let again = submit(&rest, &project, "a-thousand", &jobs).await?;
    ensure!(ids(&again)? == ids(&first)? && answers(&again)?.iter().all(|one| one["replayed"] == true));
    let listed = rest.get(&format!("/projects/{project}/jobs?pageSize=1")).await?;
    let last = &answers(&first)?[999];
    ensure!(listed["executions"][0]["params"]["index"].is_string() && last["number"].is_string(), "{listed}");
    for id in ids(&first)? {
        // What has run meanwhile cannot be stopped.
        Rest::send(rest.request(Method::POST, &format!("/executions/{id}:stop")).json(&json!({}))).await?;
    }
    Ok(())
}

async fn one_refused_job(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("one-refused").await?;
    let jobs = [
        json!({ "command": ["true"] }),
        json!({ "command": ["true"], "tier": "no-such-tier" }),
        json!({ "command": [], "tags": ["a b"] }),
        json!({ "command": ["true"] }),
    ];
    let answer = submit(&rest, &project, "one-refused", &jobs).await?;
    let all = answers(&answer)?;
    ensure!(ids(&answer)?.len() == 2 && all[0]["problem"].is_null() && all[3]["problem"].is_null(), "{answer:?}");
    ensure!(all[1]["problem"]["code"] == "UNKNOWN_TIER", "{answer:?}");
    let wrong: Vec<&Value> =
        all[2]["problem"]["violations"].as_array().into_iter().flatten().map(|one| &one["field"]).collect();
    ensure!(wrong.len() == 2 && wrong.contains(&&json!("command")) && wrong.contains(&&json!("tags")), "{answer:?}");
    for id in ids(&answer)? {
        ensure!(rest.ended(id).await?["phase"] == "PHASE_SUCCEEDED");
    }
    Ok(())
}

async fn too_many_or_none(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("too-many").await?;
    for count in [0, 1_001] {
        let answer = submit(&rest, &project, "too-many", &vec![json!({ "command": ["true"] }); count]).await?;
        ensure!(answer.status == 400 && answer.body["violations"][0]["field"] == "jobs", "{answer:?}");
    }
    Ok(())
}
