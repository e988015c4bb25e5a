//! Carrying out verdicts: acknowledged, delivered again later, or parked.
//!
//! Must hold: a message that goes elsewhere is acknowledged here only once the
//! broker has confirmed it there; a crash between the two delivers it twice.

use futures::future::try_join_all;
use jiff::Timestamp;
use lapin::{
    message::Delivery,
    options::BasicAckOptions,
    types::{AMQPValue, FieldTable},
};

use super::{
    Consumer, Handler, Lost,
    headers::{ATTEMPT, PARKED_AT, REASON, ROUTING_KEY, number, string},
};
use crate::{
    lane::Parcel,
    topology::{Delay, parked_exchange},
    verdict::Verdict,
};

/// Reasons are for people; an error's text has no length of its own.
const LONGEST_REASON: usize = 500;

/// Where a message goes that is not acknowledged.
enum Away {
    Again(Delay),
    Parked,
}

impl<H: Handler> Consumer<H> {
    pub(super) async fn settle(&self, deliveries: Vec<Delivery>, verdicts: Vec<Verdict>) -> Result<(), Lost> {
        try_join_all(deliveries.into_iter().zip(verdicts).map(|(delivery, verdict)| self.settle_one(delivery, verdict)))
            .await
            .map(drop)
    }

    async fn settle_one(&self, delivery: Delivery, verdict: Verdict) -> Result<(), Lost> {
        let attempts = number(&delivery.properties, ATTEMPT);
        let verdict = self.give_up(verdict, attempts);
        metrics::counter!("katonic_bus_consumed_total", "queue" => self.queue_name.clone(), "verdict" => verdict.name())
            .increment(1);
        match &verdict {
            Verdict::Ack => {}
            Verdict::Retry { reason } => self.again(&delivery, attempts + 1, reason).await?,
            Verdict::Park { reason } => self.park(&delivery, reason).await?,
        }
        delivery.acker.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    fn give_up(&self, verdict: Verdict, attempts: u32) -> Verdict {
        let limits = self.config.attempts;
        match verdict {
            Verdict::Retry { reason } if attempts >= limits.short + limits.long => {
                Verdict::Park { reason: format!("given up after {attempts} repetitions: {reason}") }
            }
            other => other,
        }
    }

    async fn again(&self, delivery: &Delivery, attempt: u32, reason: &str) -> Result<(), Lost> {
        let delay = if attempt <= self.config.attempts.short { Delay::Short } else { Delay::Long };
        tracing::warn!(
            queue = self.queue_name,
            event.id = message_id(delivery),
            attempt,
            reason,
            "a message is delivered again later"
        );
        self.send(delivery, Away::Again(delay), |headers| {
            headers.insert(ATTEMPT.into(), AMQPValue::LongUInt(attempt));
            headers.insert(REASON.into(), text(reason));
        })
        .await
    }

    async fn park(&self, delivery: &Delivery, reason: &str) -> Result<(), Lost> {
        let traceparent = string(&delivery.properties, "traceparent").unwrap_or_default();
        tracing::error!(
            queue = self.queue_name,
            event.id = message_id(delivery),
            traceparent,
            reason,
            "a message is parked"
        );
        self.send(delivery, Away::Parked, |headers| {
            headers.insert(REASON.into(), text(reason));
            headers.insert(PARKED_AT.into(), text(&Timestamp::now().to_string()));
        })
        .await
    }

    async fn send(&self, delivery: &Delivery, away: Away, add: impl FnOnce(&mut FieldTable)) -> Result<(), Lost> {
        let service = self.config.queue.service;
        let exchange = match away {
            Away::Again(delay) => delay.exchange(service),
            Away::Parked => parked_exchange(service),
        };
        let mut headers = own_headers(delivery);
        add(&mut headers);
        let parcel = Parcel {
            exchange: &exchange,
            routing_key: &self.queue_name,
            body: &delivery.data,
            properties: delivery.properties.clone().with_headers(headers),
        };
        Ok(self.bus.send(&parcel).await?)
    }
}

/// Its headers without those that the broker added, and with the key that it first had.
fn own_headers(delivery: &Delivery) -> FieldTable {
    let mut headers = FieldTable::default();
    if let Some(given) = delivery.properties.headers() {
        for (name, value) in given.inner() {
            let brokers = name.as_str().starts_with("x-");
            if !brokers {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
    if string(&delivery.properties, ROUTING_KEY).is_none() {
        headers.insert(ROUTING_KEY.into(), text(delivery.routing_key.as_str()));
    }
    headers
}

fn text(value: &str) -> AMQPValue {
    let short: String = value.chars().take(LONGEST_REASON).collect();
    AMQPValue::LongString(short.into())
}

fn message_id(delivery: &Delivery) -> &str {
    delivery.properties.message_id().as_ref().map_or("", |id| id.as_str())
}
