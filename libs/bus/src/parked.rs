//! Messages that a service could not handle: looked at, sent back, dropped.
//!
//! They are read by the service's own broker user with `basic.get`, never by an
//! administrative login (ADR 10): what is got and not acknowledged returns to
//! the queue when the channel closes, so looking changes nothing. Two who look
//! at once hide messages from each other for that moment.
//!
//! Must hold: a message leaves its parked queue only once the broker has
//! confirmed it on its way back, or when a person dropped it. A crash between
//! the two sends it back twice, which consumers take (DESIGN B2).

use jiff::Timestamp;
use katonic_domain::error::{Classified, ErrorKind};
use lapin::{
    BasicProperties, Channel,
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions},
    types::FieldTable,
};

use crate::{
    bus::{Bus, BusConfig},
    consumer::headers::{ATTEMPT, PARKED_AT, REASON, ROUTING_KEY, number, string},
    lane::Parcel,
    link::{Link, count},
    publisher::PublishError,
    topology::{CONSUMERS, ConsumerQueue, Service, redeliver_exchange},
};

/// Messages of a queue that are looked at: each may be as large as what was parked.
const MOST_LOOKED_AT: usize = 1_000;
/// Bytes of a body that are shown: the whole of any event of ours.
const SHOWN_BYTES: usize = 64 * 1024;

/// A message that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedMessage {
    /// The consumer queue that it was in.
    pub queue: String,
    /// The event's id; empty where the publisher gave none.
    pub id: String,
    /// The routing key under which it was published.
    pub routing_key: String,
    /// Why it was parked.
    pub reason: String,
    /// When; unset where somebody else put it there.
    pub parked_at: Option<Timestamp>,
    /// How often it had been delivered again.
    pub attempts: u32,
    /// W3C trace context of the change.
    pub traceparent: Option<String>,
    /// Size of the body.
    pub bytes: usize,
    /// The body's first 64 KiB as text.
    pub body: String,
}

/// How much waits in a consumer queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// The queue.
    pub queue: String,
    /// Messages in it, and parked ones; unset where one of the two queues is not there.
    pub messages: Option<(u32, u32)>,
}

/// Which of the parked messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that are there now.
    All,
    /// Those with this id.
    Id(String),
}

/// Why parked messages cannot be dealt with now.
#[derive(Debug, thiserror::Error)]
pub enum ParkedError {
    /// The broker cannot be reached, or a message could not be sent back.
    #[error("the message broker is not available")]
    Broker(#[from] PublishError),
    /// The broker broke off, or the queue is not there.
    #[error("the parked messages cannot be read")]
    Read(#[from] lapin::Error),
}

impl Classified for ParkedError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Broker(_) | Self::Read(_) => ErrorKind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Broker(error) => error.reason(),
            Self::Read(_) => "BROKER_UNAVAILABLE",
        }
    }
}

/// The parked messages of one service. Connects when first asked; share it.
pub struct Parked {
    service: Service,
    link: Link,
    bus: Bus,
    queues: Vec<ConsumerQueue>,
}

impl Parked {
    /// Those of the service's queues, by its own user.
    pub fn new(uri: &str, service: Service) -> Self {
        let own = CONSUMERS.into_iter().filter(|queue| queue.service == service);
        Self::of(uri, service, own.collect())
    }

    /// Those of given queues, for tests.
    pub fn of(uri: &str, service: Service, queues: Vec<ConsumerQueue>) -> Self {
        let config = |what: &str| BusConfig { window: 1, ..BusConfig::new(uri, format!("{} {what}", service.name())) };
        Self { service, link: Link::new(config("parked")), bus: Bus::new(config("redrive")), queues }
    }

    /// How much waits in each of the service's queues.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn depths(&self) -> Result<Vec<Depth>, ParkedError> {
        let connection = self.link.connection().await?;
        let mut depths = Vec::new();
        for queue in &self.queues {
            let waiting = count(&connection, &queue.name()).await?;
            let parked = count(&connection, &queue.parked()).await?;
            depths.push(Depth { queue: queue.name(), messages: waiting.zip(parked) });
        }
        Ok(depths)
    }

    /// The oldest of them, at most `limit` of each queue.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn list(&self, which: &Which, limit: usize) -> Result<Vec<ParkedMessage>, ParkedError> {
        let mut found = Vec::new();
        for queue in &self.queues {
            let channel = self.channel().await?;
            let mut listed = 0;
            for _ in 0..MOST_LOOKED_AT {
                let Some(message) = get(&channel, queue).await? else { break };
                if which.takes(&message) {
                    found.push(parked(queue, &message));
                    listed += 1;
                }
                if listed == limit {
                    break;
                }
            }
            // What was looked at returns to the queue.
            channel.close(200, "looked".into()).await?;
        }
        Ok(found)
    }

    /// Sends them back to their queues, as if never delivered; answers how many.
    ///
    /// # Errors
    /// The broker is away; some may be back by then.
    pub async fn redrive(&self, which: &Which) -> Result<u32, ParkedError> {
        self.take(which, true).await
    }

    /// Drops them; answers how many.
    ///
    /// # Errors
    /// The broker is away; some may be dropped by then.
    pub async fn discard(&self, which: &Which) -> Result<u32, ParkedError> {
        self.take(which, false).await
    }

    async fn take(&self, which: &Which, send_back: bool) -> Result<u32, ParkedError> {
        let mut taken = 0;
        for queue in &self.queues {
            let channel = self.channel().await?;
            let mut left = 1;
            // Only those that were there at first: one that is parked again comes to the end.
            let mut first = true;
            while left > 0 {
                let Some(message) = get(&channel, queue).await? else { break };
                left = if first { usize::try_from(message.message_count).unwrap_or(usize::MAX) } else { left - 1 };
                first = false;
                if !which.takes(&message) {
                    continue;
                }
                if send_back {
                    self.send_back(queue, &message).await?;
                }
                message.acker.ack(BasicAckOptions::default()).await?;
                tracing::info!(queue = queue.name(), event.id = id(&message), send_back, "a parked message was taken");
                taken += 1;
            }
            channel.close(200, "done".into()).await?;
        }
        Ok(taken)
    }

    async fn send_back(&self, queue: &ConsumerQueue, message: &BasicGetMessage) -> Result<(), PublishError> {
        let parcel = Parcel {
            exchange: &redeliver_exchange(self.service),
            routing_key: &queue.name(),
            body: &message.data,
            properties: message.properties.clone().with_headers(fresh_headers(&message.properties)),
        };
        self.bus.send(&parcel).await
    }

    async fn channel(&self) -> Result<Channel, ParkedError> {
        let connection = self.link.connection().await?;
        Ok(connection.create_channel().await?)
    }
}

impl Which {
    fn takes(&self, message: &BasicGetMessage) -> bool {
        match self {
            Self::All => true,
            Self::Id(wanted) => id(message) == wanted,
        }
    }
}

async fn get(channel: &Channel, queue: &ConsumerQueue) -> Result<Option<BasicGetMessage>, lapin::Error> {
    channel.basic_get(queue.parked().into(), BasicGetOptions::default()).await
}

fn id(message: &BasicGetMessage) -> &str {
    message.properties.message_id().as_ref().map_or("", |id| id.as_str())
}

/// Without what earlier tries left behind.
fn fresh_headers(properties: &BasicProperties) -> FieldTable {
    let mut headers = FieldTable::default();
    if let Some(given) = properties.headers() {
        for (name, value) in given.inner() {
            let old = name.as_str().starts_with("x-") || [ATTEMPT, REASON, PARKED_AT].contains(&name.as_str());
            if !old {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
    headers
}

fn parked(queue: &ConsumerQueue, message: &BasicGetMessage) -> ParkedMessage {
    let properties = &message.properties;
    let shown = &message.data[..message.data.len().min(SHOWN_BYTES)];
    ParkedMessage {
        queue: queue.name(),
        id: id(message).to_owned(),
        routing_key: string(properties, ROUTING_KEY).unwrap_or_default(),
        reason: string(properties, REASON).unwrap_or_default(),
        parked_at: string(properties, PARKED_AT).and_then(|time| time.parse().ok()),
        attempts: number(properties, ATTEMPT),
        traceparent: string(properties, "traceparent"),
        bytes: message.data.len(),
        body: String::from_utf8_lossy(shown).into_owned(),
    }
}
