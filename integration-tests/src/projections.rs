//! What search and feed say, beside what the owners say: equal once it is quiet.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{
    rest::{Rest, text},
    wait,
};

/// Executions by their id.
pub type Executions = BTreeMap<String, Value>;

/// Every execution of a project, as its owner lists them.
pub async fn listed(rest: &Rest, project: &str) -> Result<Executions> {
    let path = format!("/projects/{project}/jobs?pageSize=200");
    pages(rest, &path, "executions", |execution| Ok((text(execution, "executionId")?, execution.clone()))).await
}

/// Waits until search finds exactly what the owner lists, as it is there.
pub async fn search_equals_owner(rest: &Rest, project: &str) -> Result<()> {
    let (mut odd, what) = (String::new(), format!("search shows what {project} has"));
    let equal = wait::until(&what, async || {
        let (owned, found) = (told(listed(rest, project).await?), told(found(rest, project).await?));
        odd = difference(&owned, &found);
        Ok(odd.is_empty().then_some(()))
    });
    let outcome = equal.await;
    outcome.map_err(|error| error.context(odd))
}

/// The sequences that a follower of the feed saw are each execution's own, once and in order.
pub async fn feed_equals_owner(rest: &Rest, seen: &BTreeMap<String, Vec<u64>>, executions: &Executions) -> Result<()> {
    for id in executions.keys() {
        let history = rest.get(&format!("/executions/{id}/events")).await?;
        let events = history["events"].as_array().into_iter().flatten();
        let published = events.map(|event| Ok(text(event, "sequence")?.parse()?)).collect::<Result<Vec<u64>>>()?;
        ensure!(seen.get(id) == Some(&published), "{id}: {:?} of {published:?}", seen.get(id));
    }
    Ok(())
}

async fn found(rest: &Rest, project: &str) -> Result<Executions> {
    let path = format!("/search?filter=project:{project}&kinds=execution&pageSize=200");
    pages(rest, &path, "hits", |hit| Ok((text(hit, "id")?, hit["execution"].clone()))).await
}

/// Without what changes while no fact is published: how far an attempt has come.
fn told(mut executions: Executions) -> Executions {
    executions.values_mut().filter_map(Value::as_object_mut).for_each(|fields| drop(fields.remove("attempts")));
    executions
}

/// The first of each side that the other does not have so; nothing where they are equal.
fn difference(owned: &Executions, found: &Executions) -> String {
    let odd = |one: &Executions, other: &Executions| {
        one.iter().find(|(id, it)| other.get(*id) != Some(it)).map(|odd| format!("{odd:?}"))
    };
    match (odd(owned, found), odd(found, owned)) {
        (None, None) => String::new(),
        (owned, found) => format!("the owner has {owned:?}, search has {found:?}"),
    }
}

async fn pages(
    rest: &Rest,
    path: &str,
    list: &str,
    item: impl Fn(&Value) -> Result<(String, Value)>,
) -> Result<Executions> {
    let (mut all, mut token) = (Executions::new(), String::new());
    loop {
        let page = rest.get(&format!("{path}&pageToken={token}")).await?;
        for value in page[list].as_array().into_iter().flatten() {
            let (id, value) = item(value)?;
            ensure!(all.insert(id.clone(), value).is_none(), "{id} is listed twice");
        }
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return Ok(all);
        }
    }
}
