//! Every event of the installation, into the feed.
//!
//! The store being away is waited for here: nothing else could be done with the
//! events meanwhile, and their order is kept.

use std::time::Duration;

use async_trait::async_trait;
use katonic_bus::{Handler, IncomingEvent, Message, Verdict};
use katonic_domain::error::Classified as _;
use katonic_proto::envelope::Envelope;
use tokio::time::{Instant, sleep};

use crate::{
    domain::FeedEvent,
    error::Error,
    usecases::{
        append::{Appender, LeftOut},
        resync::Resync,
    },
};

/// Shorter than the 60 s that a handler may take.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Appends what comes.
pub struct Events {
    /// To the feed.
    pub appender: Appender,
    /// Compares it with the owners.
    pub resync: Resync,
}

#[async_trait]
impl Handler for Events {
    async fn handle(&self, batch: Vec<Message>) -> Vec<Verdict> {
        let mut subjects = Vec::with_capacity(batch.len());
        let mut events = Vec::with_capacity(batch.len());
        for message in batch {
            match message {
                // It comes alone.
                Message::Resync => return vec![Verdict::from_result(self.resync.run().await)],
                Message::Event(event) => {
                    subjects.push(event.subject.clone());
                    events.push(feed_event(event));
                }
            }
        }
        match self.append(events).await {
            Ok(left_out) => {
                subjects.iter().map(|subject| left_out.get(subject).map_or(Verdict::Ack, Verdict::of)).collect()
            }
            Err(error) => vec![Verdict::of(&error); subjects.len()],
        }
    }
}

impl Events {
    async fn append(&self, events: Vec<FeedEvent>) -> Result<LeftOut, Error> {
        let started = Instant::now();
        loop {
            match self.appender.append(events.clone()).await {
                Err(Error::Store(error)) if error.kind().retryable() && started.elapsed() < PATIENCE => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "events wait for the store");
                    sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The envelope as it was published.
fn feed_event(event: IncomingEvent) -> FeedEvent {
    let envelope = Envelope {
        specversion: "1.0".to_owned(),
        id: event.id,
        source: event.source,
        event_type: event.event_type,
        partitionkey: event.project.map_or_else(|| event.subject.clone(), |project| project.to_string()),
        subject: event.subject,
        time: event.time.to_string(),
        sequence: format!("{:020}", event.sequence),
        traceparent: event.traceparent,
        datacontenttype: "application/json".to_owned(),
        data: event.data,
    };
    FeedEvent::try_from(envelope).expect("incarnation and sequence were read before")
}
