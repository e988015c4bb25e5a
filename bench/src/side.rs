//! One of the two that are measured by turns: the product or its floor. Both
//! are asked the same by the same client, so that what the client costs is on
//! both sides.

use std::time::Instant;

use anyhow::{Context, Result};
use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt};
use katonic_integration_tests::{
    Platform,
    rest::{Rest, text},
};
use lapin::{
    Connection, ConnectionProperties, Consumer, options::BasicConsumeOptions, types::FieldTable, uri::AMQPUri,
};
use reqwest::Method;
use serde_json::{Value, json};

/// The product or its floor.
pub struct Side {
    /// For people.
    pub name: &'static str,
    /// Its public door.
    pub rest: Rest,
    /// Where its events arrive.
    pub queue: Queue,
    /// Where jobs are submitted.
    pub project: String,
}

impl Side {
    /// At a base URI.
    pub async fn new(name: &'static str, url: &str, token: Option<&str>, queue: Queue) -> Result<Self> {
        let rest = Rest::new(url, token);
        let project = rest.project("bench-by-turns").await?;
        Ok(Self { name, rest, queue, project })
    }

    /// The product, with a subscription such as anybody may make.
    pub async fn of_product(platform: &Platform) -> Result<Self> {
        let wanted = json!({"name": "bench", "bindings": ["*.project.created"]});
        let made = platform.rest().post("/event-subscriptions", &wanted).await?;
        let subscription = &made["subscription"];
        let mut uri: AMQPUri = text(subscription, "uri")?.parse().map_err(anyhow::Error::msg)?;
        uri.authority.userinfo.username = text(subscription, "username")?;
        uri.authority.userinfo.password = text(&made, "password")?;
        let queue = Queue::consume(&uri.to_string(), &text(subscription, "queue")?).await?;
        Self::new("product", platform.url(), Some(platform.admin_token()), queue).await
    }

    /// The messages of an execution's log, from its first line to its end, as they arrive.
    pub async fn follow(&self, execution: &str) -> Result<impl Stream<Item = Result<Value>> + use<>> {
        self.stream(&format!("/executions/{execution}/logs:follow")).await
    }

    /// The messages of a stream, as they arrive.
    pub async fn stream(&self, path: &str) -> Result<impl Stream<Item = Result<Value>> + use<>> {
        let request = self.rest.request(Method::GET, path);
        let events = request.send().await?.error_for_status()?.bytes_stream().eventsource();
        Ok(events.map(|event| Ok(serde_json::from_str(&event?.data)?)))
    }
}

/// A queue of events that is read as they arrive.
pub struct Queue {
    consumer: Consumer,
    _connection: Connection,
}

impl Queue {
    /// Reads a queue.
    pub async fn consume(uri: &str, queue: &str) -> Result<Self> {
        let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer = channel.basic_consume(queue.into(), "bench".into(), options, FieldTable::default()).await?;
        Ok(Self { consumer, _connection: connection })
    }

    /// When the next event about something arrived.
    pub async fn arrival_of(&mut self, subject: &str) -> Result<Instant> {
        loop {
            let delivery = self.consumer.next().await.context("the queue ended")??;
            let at = Instant::now();
            let event: Value = serde_json::from_slice(&delivery.data)?;
            if event["subject"] == subject {
                return Ok(at);
            }
        }
    }
}
