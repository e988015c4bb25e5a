//! From deliveries to verdicts: what cannot be read is parked unseen, the rest
//! goes to the handler, which is not trusted to come back.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use lapin::message::Delivery;
use tokio::time::timeout;
use tracing::{Span, info_span};

use super::{Consumer, Handler, headers::string};
use crate::{
    message::{IncomingEvent, Message, Unreadable},
    topology::RESYNC,
    verdict::Verdict,
};

/// What a handler did instead of answering.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("HANDLER_PANICKED")]
    Panicked,
    #[error("HANDLER_MISCOUNTED: {given} verdicts for {wanted} messages")]
    Miscounted { given: usize, wanted: usize },
    #[error("HANDLER_TIMED_OUT")]
    TimedOut,
}

pub(super) fn is_resync(delivery: &Delivery) -> bool {
    delivery.properties.kind().as_ref().is_some_and(|kind| kind.as_str() == RESYNC)
}

impl<H: Handler> Consumer<H> {
    /// One verdict for each delivery, in order.
    pub(super) async fn judge(&self, deliveries: &[Delivery]) -> Vec<Verdict> {
        let mut batch = Vec::with_capacity(deliveries.len());
        let mut unreadable = Vec::new();
        for (place, delivery) in deliveries.iter().enumerate() {
            match IncomingEvent::parse(&delivery.data) {
                Ok(event) => batch.push((place, event)),
                Err(error) => unreadable.push((place, error)),
            }
        }
        let (places, events): (Vec<usize>, Vec<IncomingEvent>) = batch.into_iter().unzip();
        self.note_age(&events);
        let readable: Vec<&Delivery> = places.iter().map(|place| &deliveries[*place]).collect();
        let answers = if events.is_empty() { Vec::new() } else { self.handle(events, &readable).await };
        let parked = unreadable.into_iter().map(|(place, error)| (place, refused(&error)));
        let mut verdicts: Vec<(usize, Verdict)> = places.into_iter().zip(answers).chain(parked).collect();
        verdicts.sort_by_key(|(place, _)| *place);
        verdicts.into_iter().map(|(_, verdict)| verdict).collect()
    }

    pub(super) async fn resync(&self) -> Verdict {
        match self.ask(vec![Message::Resync], self.config.resync_timeout).await {
            Ok(verdicts) => verdicts.into_iter().next().unwrap_or(Verdict::Ack),
            // There is nothing in it that could be wrong: the handler is, or what it asks.
            Err(fault) => Verdict::Retry { reason: fault.to_string() },
        }
    }

    /// A batch in which one message makes the handler panic is handed in again
    /// one by one, so that only that message is parked.
    async fn handle(&self, events: Vec<IncomingEvent>, deliveries: &[&Delivery]) -> Vec<Verdict> {
        let _spans: Vec<Span> = events.iter().zip(deliveries).map(|(event, from)| self.span_of(event, from)).collect();
        let messages = events.into_iter().map(Message::Event).collect();
        let fault = match self.ask(messages, self.config.handle_timeout).await {
            Ok(verdicts) => return verdicts,
            Err(fault) => fault,
        };
        tracing::error!(queue = self.queue_name, error = %fault, batch = deliveries.len(), "a handler failed");
        match fault {
            Fault::TimedOut => vec![Verdict::Retry { reason: fault.to_string() }; deliveries.len()],
            Fault::Panicked | Fault::Miscounted { .. } => self.handle_one_by_one(deliveries).await,
        }
    }

    /// A step of the trace that an event belongs to, for as long as its batch is in hand.
    fn span_of(&self, event: &IncomingEvent, delivery: &Delivery) -> Span {
        let published = string(&delivery.properties, "traceparent").or_else(|| event.traceparent.clone());
        let Some(traceparent) = published else { return Span::none() };
        let span =
            info_span!(parent: None, "consume", otel.kind = "consumer", queue = self.queue_name, event.id = event.id);
        katonic_trace::set_parent(&span, Some(&traceparent));
        span
    }

    async fn handle_one_by_one(&self, deliveries: &[&Delivery]) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            verdicts.push(match IncomingEvent::parse(&delivery.data) {
                Ok(event) => self.handle_alone(event).await,
                Err(error) => refused(&error),
            });
        }
        verdicts
    }

    async fn handle_alone(&self, event: IncomingEvent) -> Verdict {
        match self.ask(vec![Message::Event(event)], self.config.handle_timeout).await {
            Ok(verdicts) => verdicts.into_iter().next().unwrap_or(Verdict::Ack),
            Err(fault @ Fault::TimedOut) => Verdict::Retry { reason: fault.to_string() },
            Err(fault) => Verdict::Park { reason: fault.to_string() },
        }
    }

    async fn ask(&self, messages: Vec<Message>, limit: Duration) -> Result<Vec<Verdict>, Fault> {
        let wanted = messages.len();
        // Whatever a panic left half done in the handler is behind its own locks and in the store.
        let asked = AssertUnwindSafe(self.handler.handle(messages)).catch_unwind();
        let verdicts = match timeout(limit, asked).await {
            Ok(Ok(verdicts)) => verdicts,
            Ok(Err(_panic)) => return Err(Fault::Panicked),
            Err(_elapsed) => return Err(Fault::TimedOut),
        };
        let given = verdicts.len();
        if given == wanted { Ok(verdicts) } else { Err(Fault::Miscounted { given, wanted }) }
    }
}

fn refused(error: &Unreadable) -> Verdict {
    Verdict::Park { reason: error.to_string() }
}
