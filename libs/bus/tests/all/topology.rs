//! `broker apply`: idempotent, complete, and tight.

#![expect(clippy::disallowed_methods, reason = "tries what is forbidden")]

use std::collections::BTreeMap;

use katonic_bus::{
    Bus, BusConfig, Password, PublishError, Publisher,
    admin::{Admin, AdminConfig, Destination, Error},
    topology::{
        Binding, BoundTo, Credentials, EVENTS, EVERYTHING, ExchangeKind, Login, Missing, SINK, Service, Topology,
        apply, check,
    },
};
use katonic_testkit::broker::broker;
use serde_json::json;

use crate::{channel, event, password};

fn login(vhost: &str, name: &str) -> anyhow::Result<Login> {
    // Users belong to the whole broker, which other tests share.
    Ok(Login { username: format!("{name}@{vhost}"), password: password()? })
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_twice_is_the_same_as_once() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    let topology = Topology::katonic();
    assert!(!check(&vhost.admin, &topology).await?.is_empty());
    for _ in 0..2 {
        apply(&vhost.admin, &topology, &Credentials::default()).await?;
        assert_eq!(check(&vhost.admin, &topology).await?, []);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_what_was_lost() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    let topology = Topology::katonic();
    apply(&vhost.admin, &topology, &Credentials::default()).await?;
    vhost.admin.delete_queue(SINK).await?;
    vhost.admin.delete_exchange("katonic.logs").await?;
    let missing = check(&vhost.admin, &topology).await?;
    let lost =
        |source: &str, to| Missing::Binding(Binding { source: source.to_owned(), to, pattern: EVERYTHING.to_owned() });
    for expected in [
        Missing::Exchange("katonic.logs".to_owned()),
        Missing::Queue(SINK.to_owned()),
        lost("katonic.logs", BoundTo::Exchange(EVENTS.to_owned())),
        lost(EVENTS, BoundTo::Queue(SINK.to_owned())),
    ] {
        assert!(missing.contains(&expected), "{expected:?} is not in {missing:?}");
    }
    assert_eq!(missing.len(), 4, "{missing:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_may_write_its_own_exchange_and_nothing_else() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    let metadata = login(vhost.admin.vhost(), "metadata")?;
    let credentials =
        Credentials { services: BTreeMap::from([(Service::Metadata, metadata.clone())]), subscriptions: None };
    apply(&vhost.admin, &Topology::katonic(), &credentials).await?;
    let uri = vhost.uri(&metadata.username, &metadata.password);
    let bus = Bus::new(BusConfig::new(&uri, "test"));
    bus.publish(&event("1", "_.project.created")).await?;
    for exchange in ["katonic.dispatch", "katonic.build", "katonic.logs", EVENTS, "amq.topic", ""] {
        let mut foreign = event("2", "_.project.created");
        foreign.exchange = exchange.to_owned();
        let answer = bus.publish(&foreign).await;
        assert!(matches!(answer, Err(PublishError::Topology(_))), "{exchange:?}: {answer:?}");
    }
    let (connection, declaring) = channel(&uri).await?;
    assert!(
        declaring
            .queue_declare(
                "mine".into(),
                lapin::options::QueueDeclareOptions::durable(),
                lapin::types::FieldTable::default()
            )
            .await
            .is_err()
    );
    let reading = connection.create_channel().await?;
    assert!(reading.basic_get(SINK.into(), lapin::options::BasicGetOptions::default()).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subscriptions_login_manages_subscribers_only() -> anyhow::Result<()> {
    let test_broker = broker().await?;
    let vhost = test_broker.vhost().await?;
    let login = login(vhost.admin.vhost(), "subscriptions")?;
    let credentials = Credentials { services: BTreeMap::new(), subscriptions: Some(login.clone()) };
    apply(&vhost.admin, &Topology::katonic(), &credentials).await?;
    let admin = Admin::new(&AdminConfig {
        url: vhost.admin.url().to_owned(),
        username: login.username,
        password: login.password,
        vhost: vhost.admin.vhost().to_owned(),
    })?;
    admin.put_queue("katonic.sub.x", &BTreeMap::new()).await?;
    admin.bind(EVENTS, Destination::Queue("katonic.sub.x"), "#").await?;
    admin.delete_queue("katonic.sub.x").await?;
    assert!(matches!(admin.put_queue("other", &BTreeMap::new()).await, Err(Error::Login(_))));
    assert!(matches!(admin.put_exchange("katonic.mine", ExchangeKind::Topic).await, Err(Error::Login(_))));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_taken_literally_or_refused() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    for name in ["a/b", "../../users/x", "50%", "%2e%2e", "a b?c#d", "ü", ";x=1"] {
        vhost.admin.put_queue(name, &BTreeMap::new()).await?;
        assert!(vhost.admin.queues().await?.iter().any(|queue| queue.name == name), "{name:?}");
        vhost.admin.delete_queue(name).await?;
    }
    assert_eq!(vhost.admin.queues().await?, []);
    for name in ["", ".", "..", "a\nb"] {
        assert!(matches!(vhost.admin.put_queue(name, &BTreeMap::new()).await, Err(Error::Name)), "{name:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_password_works_over_both_protocols() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    let user = format!("odd/user@{}", vhost.admin.vhost());
    let odd = Password::new("p@ss/w:rd?#%&+ \"ü");
    vhost.admin.put_user(&user, &odd, "administrator").await?;
    vhost
        .admin
        .put_permission(
            &user,
            &katonic_bus::admin::Permission { configure: ".*".into(), write: ".*".into(), read: ".*".into() },
        )
        .await?;
    channel(&vhost.uri(&user, &odd)).await?;
    let config = AdminConfig {
        url: vhost.admin.url().to_owned(),
        username: user.clone(),
        password: odd,
        vhost: vhost.admin.vhost().to_owned(),
    };
    Admin::new(&config)?.overview().await?;
    let wrong = AdminConfig { password: Password::new("wrong"), ..config };
    assert!(matches!(Admin::new(&wrong)?.overview().await, Err(Error::Login(401))));
    vhost.admin.delete_user(&user).await?;
    assert!(!vhost.admin.has_user(&user).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_apart() -> anyhow::Result<()> {
    let vhost = broker().await?.vhost().await?;
    vhost.admin.put_queue("q", &BTreeMap::new()).await?;
    let other = BTreeMap::from([("x-max-length", json!(1))]);
    assert!(matches!(vhost.admin.put_queue("q", &other).await, Err(Error::Refused { status: 400, .. })));
    assert!(matches!(vhost.admin.bind("none", Destination::Queue("q"), "#").await, Err(Error::NotFound)));
    assert!(matches!(vhost.admin.in_vhost("none").queues().await, Err(Error::NotFound)));
    vhost.admin.delete_queue("none").await?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config =
        AdminConfig { url: format!("http://{nobody}"), username: "u".into(), password: password()?, vhost: "v".into() };
    assert!(matches!(Admin::new(&config)?.health().await, Err(Error::Unreachable(_))));
    Ok(())
}
