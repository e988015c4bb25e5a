//! What an `Ok` from the bus is worth.

use std::collections::BTreeMap;

use futures::future::join_all;
use katonic_bus::{
    Bus, BusConfig, PublishError, Publisher,
    admin::Destination,
    topology::{Delays, EVENTS, SINK, Topology, apply},
};
use katonic_testkit::broker::{Broker, Vhost, broker};
use lapin::types::AMQPValue;

use crate::{event, take};

/// Without consumers, of which one wants everything: these tests are about what nobody wants.
fn bare() -> Topology {
    Topology::of(&[], Delays::default())
}

async fn applied(broker: &Broker) -> anyhow::Result<(Vhost, Bus)> {
    let vhost = broker.vhost().await?;
    apply(&vhost.admin, &bare(), &katonic_bus::topology::Credentials::default()).await?;
    let bus = Bus::new(BusConfig::new(vhost.admin_uri(), "test"));
    Ok((vhost, bus))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_event_is_in_the_queue_with_its_properties() -> anyhow::Result<()> {
    let (vhost, bus) = applied(broker().await?).await?;
    let sent = event("evt-1", "_.project.created");
    bus.publish(&sent).await?;
    let message = take(&vhost, SINK).await?;
    assert_eq!(message.data, sent.body.as_bytes());
    assert_eq!(message.routing_key.as_str(), "_.project.created");
    let properties = &message.properties;
    assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some("evt-1"));
    assert_eq!(properties.content_type().as_ref().map(|kind| kind.as_str()), Some("application/cloudevents+json"));
    assert_eq!(properties.delivery_mode(), &Some(2));
    let traceparent = properties.headers().as_ref().and_then(|headers| headers.inner().get("traceparent"));
    assert_eq!(traceparent, Some(&AMQPValue::LongString(sent.traceparent.unwrap_or_default().into())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_queue_wants_is_an_error_and_goes_through_once_one_does() -> anyhow::Result<()> {
    let (vhost, bus) = applied(broker().await?).await?;
    vhost.admin.delete_queue(SINK).await?;
    let sent = event("evt-1", "_.project.created");
    let error = bus.publish(&sent).await.expect_err("nobody wants it");
    assert!(matches!(error, PublishError::Returned { code: 312, .. }) && error.is_topology(), "{error:?}");
    apply(&vhost.admin, &bare(), &katonic_bus::topology::Credentials::default()).await?;
    bus.publish(&sent).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_exchange_is_lost_topology_and_hurts_nobody_else() -> anyhow::Result<()> {
    let (_vhost, bus) = applied(broker().await?).await?;
    let mut lost = event("evt-1", "_.project.created");
    lost.exchange = "katonic.gone".to_owned();
    let good = event("evt-2", "_.project.created");
    let (lost, good) = tokio::join!(bus.publish(&lost), bus.publish(&good));
    assert!(matches!(lost, Err(PublishError::Topology(_))), "{lost:?}");
    good?;
    Ok(())
}

/// With several publishes on one channel a return is handed to whichever
/// confirm comes next: here each of many concurrent ones gets its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_full_window_every_event_gets_its_own_answer() -> anyhow::Result<()> {
    const EVENTS_SENT: usize = 600;
    let (vhost, bus) = applied(broker().await?).await?;
    vhost.admin.delete_queue(SINK).await?;
    vhost.admin.put_queue("wanted", &BTreeMap::new()).await?;
    vhost.admin.bind(EVENTS, Destination::Queue("wanted"), "*.wanted.#").await?;
    let events: Vec<_> = (0..EVENTS_SENT)
        .map(|n| event(&n.to_string(), if n % 3 == 0 { "_.unwanted.created" } else { "_.wanted.created" }))
        .collect();
    let answers = join_all(events.iter().map(|event| bus.publish(event))).await;
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(n % 3, 0, "event {n} went nowhere and was called delivered"),
            Err(PublishError::Returned { .. }) => assert_eq!(n % 3, 0, "event {n} was delivered and called returned"),
            Err(error) => return Err(anyhow::anyhow!("event {n}: {error:?}")),
        }
    }
    Ok(())
}

/// Whoever waits for each answer before the next event, as the relay does for
/// an aggregate, has them in order whatever the window.
#[tokio::test(flavor = "multi_thread")]
async fn events_published_one_after_another_arrive_in_order() -> anyhow::Result<()> {
    let (vhost, bus) = applied(broker().await?).await?;
    vhost.admin.put_queue("all", &BTreeMap::new()).await?;
    vhost.admin.bind(EVENTS, Destination::Queue("all"), "#").await?;
    let one_aggregate = |name: &'static str| {
        let bus = bus.clone();
        async move {
            for n in 0..50 {
                bus.publish(&event(&format!("{n:02}"), &format!("_.{name}.changed"))).await?;
            }
            Ok::<_, PublishError>(())
        }
    };
    tokio::try_join!(one_aggregate("a"), one_aggregate("b"), one_aggregate("c"))?;
    let (_connection, channel) = crate::channel(&vhost.admin_uri()).await?;
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(message) = channel.basic_get("all".into(), lapin::options::BasicGetOptions { no_ack: true }).await? {
        let id = message.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
        seen.entry(message.routing_key.to_string()).or_default().push(id);
    }
    assert_eq!(seen.len(), 3);
    for (key, ids) in seen {
        let wanted: Vec<String> = (0..50).map(|n| format!("{n:02}")).collect();
        assert_eq!(ids, wanted, "{key}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_goes_on_after_the_broker_was_restarted() -> anyhow::Result<()> {
    let mut broker = Broker::start().await?;
    let (vhost, bus) = applied(&broker).await?;
    bus.publish(&event("before", "_.project.created")).await?;
    broker.restart().await?;
    // The first ones may still meet the lost connection or its backoff: what a
    // caller does then is publish again.
    let event = event("after", "_.project.created");
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while let Err(error) = bus.publish(&event).await {
        assert!(matches!(error, PublishError::Unavailable(_) | PublishError::Timeout), "{error:?}");
        assert!(tokio::time::Instant::now() < patience, "no connection after the restart: {error:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(take(&vhost, SINK).await?.properties.message_id().as_ref().map(|id| id.as_str()), Some("after"));
    Ok(())
}

#[tokio::test]
async fn without_a_broker_publishing_fails_at_once() -> anyhow::Result<()> {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let bus = Bus::new(BusConfig::new(format!("amqp://u:p@{nobody}/v"), "test"));
    for _ in 0..100 {
        let error = bus.publish(&event("1", "_.project.created")).await.expect_err("nobody listens");
        assert!(matches!(error, PublishError::Unavailable(_)), "{error:?}");
    }
    assert!(bus.ready().await.is_err());
    Ok(())
}
