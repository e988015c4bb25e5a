//! The bus against a real RabbitMQ.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod consuming;
mod publishing;
mod subscribing;
mod topology;

use anyhow::Context;
use katonic_bus::{OutgoingEvent, Password};
use katonic_testkit::broker::Vhost;
use lapin::{Channel, Connection, ConnectionProperties, message::BasicGetMessage, options::BasicGetOptions};

/// An event of metadata's.
fn event(id: &str, routing_key: &str) -> OutgoingEvent {
    OutgoingEvent {
        id: id.to_owned(),
        exchange: "katonic.metadata".to_owned(),
        routing_key: routing_key.to_owned(),
        body: format!(r#"{{"specversion":"1.0","id":"{id}"}}"#),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

async fn channel(uri: &str) -> anyhow::Result<(Connection, Channel)> {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// The next message of a queue, by somebody who may read everything.
async fn take(vhost: &Vhost, queue: &str) -> anyhow::Result<BasicGetMessage> {
    let (_connection, channel) = channel(&vhost.admin_uri()).await?;
    channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await?.context("the queue is empty")
}

fn password() -> anyhow::Result<Password> {
    Ok(Password::generate()?)
}
