//! The broker loses things, is away, and holds what could not be handled.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use katonic_bus::{
    Admin, AdminConfig, Bus, BusConfig, OutgoingEvent, Password, Publisher,
    topology::{CONSUMERS, DISPATCHER_POLICY, SEARCH_EVENTS, Topology, check},
};
use katonic_integration_tests::{following::Following, parts, projections, rest::text, wait};
use libtest_mimic::Trial;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
};

use crate::{Shared, alone, e2e_events::subscribe, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        alone(
            "deleted_queues_come_back_while_the_platform_runs_and_a_resync_heals_the_projection",
            deleted_queues_come_back,
        ),
        alone("submits_go_on_while_the_broker_is_away_and_no_fact_is_lost", submits_go_on_without_the_broker),
        shared("every_event_twice_and_reordered_changes_no_projection", every_event_twice_and_reordered),
        shared("a_subscriber_and_a_follower_that_never_read_hold_nobody_up", nobody_reads),
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

async fn deleted_queues_come_back(platform: Shared) -> Result<()> {
    let before = platform.rest().project("before-its-queue-was-lost").await?;
    found(&platform, "before-its-queue-was-lost", &before).await?;
    let admin = administrator(&platform)?;
    ensure!(check(&admin, &Topology::katonic()).await?.is_empty(), "it was not whole before");
    for queue in CONSUMERS {
        admin.delete_queue(&queue.name()).await?;
        admin.delete_queue(&queue.parked()).await?;
    }
    ensure!(!check(&admin, &Topology::katonic()).await?.is_empty(), "nothing is missing");
    // Its event has no queue to wait in.
    let project = platform.rest().project("lost-with-its-queue").await?;
    wait::until("the supervisor makes it whole again", async || {
        // Away while the broker is started again.
        Ok(check(&admin, &Topology::katonic()).await.is_ok_and(|missing| missing.is_empty()).then_some(()))
    })
    .await?;
    parts::all_ready(&platform).await?;
    // By a resync: its event was lost.
    found(&platform, "lost-with-its-queue", &project).await
}

async fn found(platform: &Shared, name: &str, project: &str) -> Result<()> {
    wait::until(&format!("{name} is found"), async || {
        let found = platform.rest().get(&format!("/search?q={name}")).await?;
        Ok(found["hits"].as_array().into_iter().flatten().any(|hit| hit["id"] == project).then_some(()))
    })
    .await
}

/// How long the broker is away: as long as three jobs take; `just outage` makes it five minutes.
fn outage() -> Result<Duration> {
    let seconds = std::env::var("KATONIC_TEST_OUTAGE_SECONDS").map_or(Ok(0), |seconds| seconds.parse())?;
    Ok(Duration::from_secs(seconds))
}

async fn submits_go_on_without_the_broker(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let (project, outage) = (rest.project("without-a-broker").await?, outage()?);
    let seen = watcher(&platform).await?;
    let broker =
        Pid::from_raw(parts::pid_of(&platform, "rabbitmq")?.context("no rabbitmq")?).context("a pid is positive")?;
    kill_process(broker, Signal::STOP)?;
    let submitted = async {
        let (mut ids, began) = (Vec::new(), Instant::now());
        while ids.len() < 3 || began.elapsed() < outage {
            ids.push(rest.submit(&project, &["true"]).await?);
            rest.ended(&ids[ids.len() - 1]).await?;
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
    projections::search_equals_owner(&rest, &project).await?;
    platform.rest().request(Method::DELETE, &format!("/event-subscriptions/{}", seen.id)).send().await?;
    Ok(())
}

/// What a producer publishes again after a crash, at its worst: all that it ever
/// published, the last first, and then once more in order.
async fn every_event_twice_and_reordered(platform: Shared) -> Result<()> {
    let (rest, folder) = (platform.rest(), platform.scratch()?);
    let project = rest.project("again-and-again").await?;
    let following = Following::start(&platform, folder.path(), &project)?;
    for _ in 0..4 {
        let id = rest.submit(&project, &["true"]).await?;
        rest.settled(&id).await?;
    }
    let made = projections::listed(&rest, &project).await?;
    wait::until("all was followed", async || Ok((following.finished()?.len() == made.len()).then_some(()))).await?;
    let bus = Bus::new(BusConfig::new(configured(&platform, "dispatcher", "uri")?, "test"));
    let repeated: Vec<OutgoingEvent> = following.events()?.iter().filter_map(|event| again(&project, event)).collect();
    for event in repeated.iter().rev().chain(&repeated) {
        bus.publish(event).await?;
    }
    // One queue, one order: what comes after them in the feed was handled after them.
    let last = rest.submit(&project, &["true"]).await?;
    rest.settled(&last).await?;
    wait::until("what comes later was followed", async || Ok(following.finished()?.contains(&last).then_some(())))
        .await?;
    projections::search_equals_owner(&rest, &project).await?;
    let made = projections::listed(&rest, &project).await?;
    projections::feed_equals_owner(&rest, &following.sequences()?, &made).await
}

/// An execution's event as the dispatcher published it.
fn again(project: &str, event: &Value) -> Option<OutgoingEvent> {
    let fact = event["type"].as_str()?.strip_prefix("io.katonic.execution.")?.strip_suffix(".v1")?;
    Some(OutgoingEvent {
        id: event["id"].as_str()?.to_owned(),
        exchange: "katonic.dispatch".to_owned(),
        routing_key: format!("{project}.execution.{fact}"),
        body: event.to_string(),
        traceparent: None,
    })
}

/// One takes all and reads nothing from its connection, over AMQP; others over HTTP, as many as may be.
async fn nobody_reads(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("nobody-reads").await?;
    let subscription = subscribe(&platform, "never-reads").await?;
    let mut program = Command::from(subscription.program(&["stall"])?);
    let mut stalled = program.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut said = BufReader::new(stalled.stdout.take().context("its output")?).lines();
    ensure!(said.next_line().await?.as_deref() == Some("consuming"), "it does not consume");
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(silent_follower(&platform, "/api/v1/events:follow?fromStart=true").await?);
    }
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(rest.submit(&project, &["seq", "2000"]).await?);
    }
    for run in &runs {
        ensure!(rest.ended(run).await?["phase"] == "PHASE_SUCCEEDED");
    }
    projections::search_equals_owner(&rest, &project).await?;
    stalled.kill().await?;
    rest.request(Method::DELETE, &format!("/event-subscriptions/{}", subscription.id)).send().await?;
    Ok(())
}

/// Asks and never reads: what is sent to it stays in buffers.
async fn silent_follower(platform: &Shared, path: &str) -> Result<TcpStream> {
    let address = platform.url().strip_prefix("http://").context("an HTTP address")?;
    let mut connection = TcpStream::connect(address).await?;
    let token = platform.admin_token();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
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
