//! How far behind a consumer is: messages that wait, their age, and what is parked.

use std::time::Duration;

use jiff::Timestamp;

use super::{Consumer, Handler, Lost};
use crate::{link::count, message::IncomingEvent};

/// Between two counts.
pub(super) const EVERY: Duration = Duration::from_secs(15);
/// A count that takes longer is not worth waiting for.
const DEADLINE: Duration = Duration::from_secs(2);

impl<H: Handler> Consumer<H> {
    pub(super) async fn measure(&self) {
        let counts = [
            ("katonic_bus_consumer_lag_messages", self.queue_name.clone()),
            ("katonic_bus_parked_messages", self.config.queue.parked()),
        ];
        for (metric, queue) in counts {
            match tokio::time::timeout(DEADLINE, self.waiting(&queue)).await {
                Ok(Ok(messages)) => {
                    metrics::gauge!(metric, "queue" => self.queue_name.clone()).set(messages);
                }
                Ok(Err(lost)) => {
                    let cause = &lost as &dyn std::error::Error;
                    tracing::debug!(queue, error = cause, "the queue cannot be counted");
                }
                Err(_elapsed) => tracing::debug!(queue, "the queue cannot be counted in time"),
            }
        }
    }

    /// Seconds from the commit of the oldest event in hand to now.
    pub(super) fn note_age(&self, events: &[IncomingEvent]) {
        let Some(oldest) = events.iter().map(|event| event.time).min() else { return };
        let seconds = Timestamp::now().duration_since(oldest).as_secs_f64().max(0.0);
        metrics::gauge!("katonic_bus_consumer_lag_seconds", "queue" => self.queue_name.clone()).set(seconds);
    }

    async fn waiting(&self, queue: &str) -> Result<u32, Lost> {
        let connection = self.link.connection().await?;
        count(&connection, queue).await?.ok_or(Lost::Cancelled)
    }
}
