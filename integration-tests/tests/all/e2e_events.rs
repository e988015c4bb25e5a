//! A subscriber that knows only AMQP and the published JSON Schemas sees every
//! fact of a run.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{
    python,
    rest::{Rest, text},
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::json;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_pika_subscriber_sees_every_fact_of_a_run", a_subscriber_sees_every_fact),
        shared("a_subscriber_can_only_read_its_own_queue", a_subscriber_can_only_read_its_own_queue),
        shared("a_deleted_subscription_lets_nobody_in", a_deleted_subscription_lets_nobody_in),
    ]
}

/// A subscription, and what subscriber.py connects with.
pub struct Subscription {
    /// `sub_` TypeID.
    pub id: String,
    arguments: [String; 4],
}

impl Subscription {
    /// subscriber.py with these further arguments.
    pub fn program(&self, more: &[&str]) -> Result<Command> {
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        python::program("subscriber.py", &arguments)
    }
}

/// Makes a subscription to everything.
pub async fn subscribe(platform: &Shared, name: &str) -> Result<Subscription> {
    let made = platform.rest().post("/event-subscriptions", &json!({ "name": name })).await?;
    let subscription = &made["subscription"];
    let arguments = [
        text(subscription, "uri")?,
        text(subscription, "username")?,
        text(&made, "password")?,
        text(subscription, "queue")?,
    ];
    Ok(Subscription { id: text(subscription, "subscriptionId")?, arguments })
}

async fn subscriber(subscription: &Subscription, more: &[&str]) -> Result<String> {
    python::ok(subscription.program(more)?).await
}

async fn a_subscriber_sees_every_fact(platform: Shared) -> Result<()> {
    let subscription = subscribe(&platform, "sees-every-fact").await?;
    let rest = platform.rest();
    let (made, submitted) = ("a3ce929d0e0e47364bf92f3577b34da6", "4bf92f3577b34da6a3ce929d0e0e4736");
    let project = platform.rest().traced(made).project("every-fact").await?;
    let id = platform.rest().traced(submitted).submit(&project, &["true"]).await?;
    rest.ended(&id).await?;
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas");
    let seen = subscriber(&subscription, &["collect", &schemas.display().to_string(), &project, &id]).await?;
    let (facts, traces): (Vec<&str>, Vec<&str>) = seen.lines().filter_map(|line| line.rsplit_once(' ')).unzip();
    let wanted = [
        format!("{project} io.katonic.project.created.v1"),
        format!("{id} io.katonic.execution.queued.v1"),
        format!("{id} io.katonic.execution.admitted.v1"),
        format!("{id} io.katonic.execution.running.v1"),
        format!("{id} io.katonic.execution.finishing.v1"),
        format!("{id} io.katonic.execution.finished.v1"),
    ];
    ensure!(facts == wanted, "{facts:#?}");
    ensure!(traces[..2] == [made, submitted], "a request's trace goes with its fact: {traces:?}");
    Ok(())
}

async fn a_subscriber_can_only_read_its_own_queue(platform: Shared) -> Result<()> {
    let (own, other) = (subscribe(&platform, "own").await?, subscribe(&platform, "other").await?);
    let refused = subscriber(&own, &["overreach", &other.arguments[3]]).await?;
    ensure!(refused.trim() == "refused", "{refused}");
    Ok(())
}

async fn a_deleted_subscription_lets_nobody_in(platform: Shared) -> Result<()> {
    let subscription = subscribe(&platform, "deleted").await?;
    let path = format!("/event-subscriptions/{}", subscription.id);
    let request = platform.rest().request(Method::DELETE, &path);
    let answer = Rest::send(request).await?;
    ensure!(answer.status.is_success(), "{answer:?}");
    let refused = subscriber(&subscription, &["login"]).await.err().context("the broker let it in")?;
    ensure!(refused.to_string().contains("refused"), "{refused}");
    Ok(())
}
