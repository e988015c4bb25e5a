//! The broker loses things, is away, and holds what could not be handled.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_bus::{
    Admin, AdminConfig, Bus, BusConfig, OutgoingEvent, Password, Publisher,
    topology::{DISPATCHER_POLICY, SEARCH_EVENTS, Topology, check},
};
use katonic_integration_tests::{parts, rest::text, wait};
use libtest_mimic::Trial;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{Shared, alone, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        alone(
            "a_deleted_queue_comes_back_while_the_platform_runs_and_a_resync_heals_the_projection",
            a_deleted_queue_comes_back,
        ),
        alone("submits_go_on_while_the_broker_is_away_and_no_fact_is_lost", submits_go_on_without_the_broker),
        shared("a_parked_message_is_shown_redriven_and_dropped_by_the_cli", parked_messages_by_the_cli),
        shared("admin_status_tells_outboxes_leases_and_consumers_of_each_part", status_tells_of_each_part),
        shared("only_administrators_see_parked_messages", only_administrators_see_parked_messages),
    ]
}

/// The broker's administrator, who deletes what nobody should.
fn administrator(platform: &Shared) -> Result<Admin> {
    let passwords: Value = serde_json::from_str(&fs::read_to_string(platform.home().join("secrets/passwords.json"))?)?;
    Ok(Admin::new(&AdminConfig {
        url: configured(platform, "metadata", "management_uri")?,
        username: "katonic-admin".to_owned(),
        password: Password::new(text(&passwords, "broker_admin")?),
        vhost: configured(platform, "metadata", "vhost")?,
    })?)
}

/// A text of a part's configuration file.
fn configured(platform: &Shared, part: &str, key: &str) -> Result<String> {
    let file = fs::read_to_string(platform.home().join(format!("config/{part}.toml")))?;
    // The broker's address is the one `uri` that is AMQP's.
    let wanted = |line: &&str| line.starts_with(&format!("{key} = ")) && (key != "uri" || line.contains("amqp://"));
    let line = file.lines().find(wanted).and_then(|line| line.split_once(" = ")).map(|(_, value)| value);
    Ok(line.with_context(|| format!("{part} has no {key}"))?.trim_matches('"').to_owned())
}

async fn a_deleted_queue_comes_back(platform: Shared) -> Result<()> {
    let admin = administrator(&platform)?;
    ensure!(check(&admin, &Topology::katonic()).await?.is_empty(), "it was not whole before");
    for queue in [SEARCH_EVENTS, DISPATCHER_POLICY] {
        admin.delete_queue(&queue.name()).await?;
        admin.delete_queue(&queue.parked()).await?;
    }
    ensure!(!check(&admin, &Topology::katonic()).await?.is_empty(), "nothing is missing");
    // Its event has no queue to wait in.
    let project = platform.rest().project("lost-with-its-queue").await?;
    wait::until("the supervisor makes it whole again", async || {
        Ok(check(&admin, &Topology::katonic()).await?.is_empty().then_some(()))
    })
    .await?;
    wait::until("a resync finds the project whose event was lost", async || {
        let found = platform.rest().get("/search?q=lost-with-its-queue").await?;
        Ok(found["hits"].as_array().into_iter().flatten().any(|hit| hit["id"] == project).then_some(()))
    })
    .await
}

async fn submits_go_on_without_the_broker(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("without-a-broker").await?;
    let seen = watcher(&platform).await?;
    let broker =
        Pid::from_raw(parts::pid_of(&platform, "rabbitmq")?.context("no rabbitmq")?).context("a pid is positive")?;
    kill_process(broker, Signal::STOP)?;
    let submitted = async {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(rest.submit(&project, &["true"]).await?);
        }
        for id in &ids {
            rest.ended(id).await?;
        }
        anyhow::Ok(ids)
    };
    let submitted = submitted.await;
    kill_process(broker, Signal::CONT)?;
    let ids = submitted?;
    // The sink of the test is bounded by nothing: every fact of the three runs is in it in the end.
    wait::until("every fact arrives", async || {
        let waiting = seen.admin.queues().await?.into_iter().find(|queue| queue.name == seen.queue);
        Ok((waiting.context("the queue is there")?.messages >= 5 * ids.len() as u64).then_some(()))
    })
    .await?;
    platform.rest().request(Method::DELETE, &format!("/event-subscriptions/{}", seen.id)).send().await?;
    Ok(())
}

/// A subscription whose queue nobody reads: what is in it has arrived.
struct Watcher {
    admin: Admin,
    queue: String,
    id: String,
}

async fn watcher(platform: &Shared) -> Result<Watcher> {
    let body = json!({ "name": "without-a-broker", "bindings": ["*.execution.#"] });
    let made = platform.rest().post("/event-subscriptions", &body).await?;
    let subscription = &made["subscription"];
    let (queue, id) = (text(subscription, "queue")?, text(subscription, "subscriptionId")?);
    Ok(Watcher { admin: administrator(platform)?, queue, id })
}

async fn parked_messages_by_the_cli(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let cli = platform.cli(folder.path());
    for id in ["parked-a", "parked-b"] {
        park(&platform, id).await?;
    }
    let listed = cli.json(&["admin", "parked", "list", "--part", "dispatcher"]).await?;
    ensure!(ids(&listed).contains(&"parked-a") && ids(&listed).contains(&"parked-b"), "{listed}");
    let shown = cli.json(&["admin", "parked", "show", "parked-a"]).await?;
    ensure!(ids(&shown) == ["parked-a"] && shown["messages"][0]["body"] == BODY, "{shown}");
    ensure!(shown["messages"][0]["queue"] == DISPATCHER_POLICY.name(), "{shown}");
    let answer = cli.json(&["admin", "parked", "redrive", "parked-a"]).await?;
    ensure!(answer["count"] == 1, "{answer}");
    let answer = cli.json(&["admin", "parked", "drop", "parked-b", "--part", "dispatcher"]).await?;
    ensure!(answer["count"] == 1, "{answer}");
    let left = cli.json(&["admin", "parked", "list"]).await?;
    ensure!(!ids(&left).contains(&"parked-b"), "{left}");
    ensure!(!cli.output(&["admin", "parked", "redrive"]).await?.status.success(), "all of them by leaving out which");
    Ok(())
}

async fn status_tells_of_each_part(platform: Shared) -> Result<()> {
    let folder = platform.scratch()?;
    let told = platform.cli(folder.path()).json(&["admin", "status"]).await?;
    let part = |name: &str| told["parts"].as_array().into_iter().flatten().find(|part| part["part"] == name).cloned();
    let dispatcher = part("dispatcher").context("no dispatcher")?;
    ensure!(dispatcher["available"] == true, "{told}");
    let has = |list: &str, field: &str, wanted: &str| {
        dispatcher[list].as_array().into_iter().flatten().any(|item| item[field] == wanted)
    };
    ensure!(has("outboxes", "collection", "executions"), "{dispatcher}");
    ensure!(has("consumers", "queue", &DISPATCHER_POLICY.name()), "{dispatcher}");
    ensure!(has("leases", "name", "relay-sweeper"), "{dispatcher}");
    let search = part("search-indexer").context("no search-indexer")?;
    ensure!(search["consumers"][0]["queue"] == SEARCH_EVENTS.name(), "{search}");
    ensure!(part("metadata").is_some() && part("log-streamer").is_some(), "{told}");
    Ok(())
}

async fn only_administrators_see_parked_messages(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let created = rest.post("/tokens", &json!({ "name": "no-operations", "scopes": ["projects:read"] })).await?;
    let reader = katonic_integration_tests::rest::Rest::new(platform.url(), Some(&text(&created, "secret")?));
    let answer = reader.request(Method::GET, "/operations/parked-messages").send().await?;
    ensure!(answer.status() == 403, "{}", answer.status());
    let body = json!({ "all": true });
    let answer = reader.request(Method::POST, "/operations/parked-messages:drop").json(&body).send().await?;
    ensure!(answer.status() == 403, "{}", answer.status());
    Ok(())
}

const BODY: &str = "{\"not\": \"an event\"}";

/// Puts a message where the dispatcher puts what it cannot handle, by the dispatcher's own login.
async fn park(platform: &Shared, id: &str) -> Result<()> {
    let bus = Bus::new(BusConfig::new(configured(platform, "dispatcher", "uri")?, "test"));
    let message = OutgoingEvent {
        id: id.to_owned(),
        exchange: "katonic.dispatcher.parked".to_owned(),
        routing_key: DISPATCHER_POLICY.name(),
        body: BODY.to_owned(),
        traceparent: None,
    };
    Ok(bus.publish(&message).await?)
}

fn ids(listed: &Value) -> Vec<&str> {
    listed["messages"].as_array().into_iter().flatten().filter_map(|message| message["messageId"].as_str()).collect()
}
