//! What a subscriber may do (DESIGN E4), tried with his own login.

#![expect(clippy::disallowed_methods, reason = "tries what is forbidden")]

use katonic_bus::{
    Bus, BusConfig, Password, Publisher,
    subscriber::{Pattern, Subscriber, create, delete, queue_name, username},
    topology::{Credentials, EVENTS, SINK, Topology, apply},
};
use katonic_domain::SubscriptionId;
use katonic_testkit::broker::{Vhost, broker};
use lapin::{
    BasicProperties, Connection,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::FieldTable,
};

use crate::{channel, event, password};

struct Made {
    vhost: Vhost,
    id: SubscriptionId,
    password: Password,
}

async fn made(patterns: &[&str]) -> anyhow::Result<Made> {
    let vhost = broker().await?.vhost().await?;
    apply(&vhost.admin, &Topology::katonic(), &Credentials::default()).await?;
    let id = SubscriptionId::generate();
    let patterns = patterns.iter().map(|text| Pattern::try_new(text)).collect::<Result<_, _>>()?;
    let password = password()?;
    create(&vhost.admin, &Subscriber::new(id, patterns)?, &password).await?;
    Ok(Made { vhost, id, password })
}

impl Made {
    fn uri(&self) -> String {
        self.vhost.uri(&username(&self.id), &self.password)
    }

    fn bus(&self) -> Bus {
        Bus::new(BusConfig::new(self.vhost.admin_uri(), "test"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_reads_what_its_patterns_match() -> anyhow::Result<()> {
    let made = made(&["*.execution.#", "_.project.created"]).await?;
    let bus = made.bus();
    for (id, key) in [("1", "_.project.created"), ("2", "_.project.pushed"), ("3", "prj_x.execution.running")] {
        bus.publish(&event(id, key)).await?;
    }
    let (_connection, channel) = channel(&made.uri()).await?;
    let mut ids = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue_name(&made.id).into(), options).await? {
        ids.push(message.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default());
    }
    assert_eq!(ids, ["1", "3"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_may_read_its_queue_and_nothing_else() -> anyhow::Result<()> {
    let made = made(&[]).await?;
    let other = SubscriptionId::generate();
    create(&made.vhost.admin, &Subscriber::new(other, Vec::new())?, &password()?).await?;
    let (connection, own) = channel(&made.uri()).await?;
    own.basic_consume(queue_name(&made.id).into(), "c".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await?;
    for queue in [queue_name(&other), SINK.to_owned()] {
        refused(&connection, |channel| async move {
            channel.basic_get(queue.into(), BasicGetOptions::default()).await.map(drop)
        })
        .await?;
    }
    let queue = queue_name(&made.id);
    refused(&connection, |channel| async move {
        channel.queue_declare("mine".into(), QueueDeclareOptions::durable(), FieldTable::default()).await.map(drop)
    })
    .await?;
    let name = queue.clone();
    refused(&connection, |channel| async move {
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.map(drop)
    })
    .await?;
    refused(&connection, |channel| async move {
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.into(), EVENTS.into(), "#".into(), options, FieldTable::default()).await
    })
    .await?;
    refused(&connection, |channel| async move {
        let kind = lapin::ExchangeKind::Topic;
        channel.exchange_declare("mine".into(), kind, ExchangeDeclareOptions::default(), FieldTable::default()).await
    })
    .await?;
    refused(&connection, |channel| async move {
        channel.queue_purge(SINK.into(), QueuePurgeOptions::default()).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_cannot_publish_anywhere() -> anyhow::Result<()> {
    let made = made(&[]).await?;
    let (connection, _channel) = channel(&made.uri()).await?;
    let queue = queue_name(&made.id);
    for (exchange, key) in [
        ("katonic.metadata", "_.project.created"),
        (EVENTS, "_.project.created"),
        ("", queue.as_str()),
        ("amq.topic", "x"),
    ] {
        refused(&connection, |channel| async move {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let properties = BasicProperties::default();
            #[allow(clippy::disallowed_methods, reason = "what is tried is what nobody else may do")]
            let confirm = channel
                .basic_publish(exchange.into(), key.into(), BasicPublishOptions::default(), b"forged", properties)
                .await?;
            confirm.await.map(drop)
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_subscriber_is_disconnected_and_cannot_come_back() -> anyhow::Result<()> {
    let made = made(&[]).await?;
    let (connection, channel) = channel(&made.uri()).await?;
    channel
        .basic_consume(queue_name(&made.id).into(), "c".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await?;
    for _ in 0..2 {
        delete(&made.vhost.admin, &made.id).await?;
    }
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while connection.status().connected() {
        assert!(tokio::time::Instant::now() < patience, "the connection is still open");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(crate::channel(&made.uri()).await.is_err());
    assert!(!made.vhost.admin.queues().await?.iter().any(|queue| queue.name == queue_name(&made.id)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_subscriber_again_gives_it_a_new_password() -> anyhow::Result<()> {
    let made = made(&["#"]).await?;
    let fresh = password()?;
    create(&made.vhost.admin, &Subscriber::new(made.id, vec![Pattern::try_new("#")?])?, &fresh).await?;
    assert!(channel(&made.uri()).await.is_err());
    channel(&made.vhost.uri(&username(&made.id), &fresh)).await?;
    Ok(())
}

/// Tries something on a channel of its own: the broker closes it with `ACCESS_REFUSED`.
async fn refused<F>(connection: &Connection, attempt: impl FnOnce(lapin::Channel) -> F) -> anyhow::Result<()>
where
    F: Future<Output = lapin::Result<()>>,
{
    let channel = connection.create_channel().await?;
    let error = attempt(channel).await.expect_err("it was allowed");
    let lapin::ErrorKind::ProtocolError(cause) = error.kind() else {
        return Err(anyhow::anyhow!("not refused but {error:?}"));
    };
    assert_eq!(cause.get_id(), 403, "{error:?}");
    Ok(())
}
