//! Messages with which in hand the process died before: the broker only counts
//! that nobody answered, and a death counts for all that were in hand.
//!
//! Must hold: a message that kills its consumer is parked in the end, and what
//! came beside it is handled.

use lapin::message::Delivery;

use super::{
    Consumer, Handler, Lost,
    headers::{DELIVERY_COUNT, number},
    judge::is_resync,
};
use crate::verdict::Verdict;

/// As often a message may be unanswered before it is handled alone: connections break too.
const SUSPECT_AFTER: u32 = 2;

/// What is handled together: the events, then what makes up for lost ones; where there is a
/// suspect, each alone, beginning at another one each time, so that none waits behind a
/// deadly one for ever.
pub(super) fn apart(mut batch: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let most = batch.iter().map(unanswered).max().unwrap_or(0);
    if most >= SUSPECT_AFTER {
        let first = usize::try_from(most).unwrap_or(0) % batch.len();
        batch.rotate_left(first);
        return batch.into_iter().map(|delivery| vec![delivery]).collect();
    }
    let (resyncs, events): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_resync);
    [events, resyncs].into_iter().filter(|together| !together.is_empty()).collect()
}

impl<H: Handler> Consumer<H> {
    /// Parks what was in hand too often, unseen; answers the rest.
    pub(super) async fn park_deadly(&self, batch: Vec<Delivery>) -> Result<Vec<Delivery>, Lost> {
        let limit = self.config.attempts.unanswered;
        let (deadly, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|delivery| unanswered(delivery) >= limit);
        let reason = |delivery| format!("DELIVERY_LIMIT: delivered {} times and never answered", unanswered(delivery));
        let verdicts = deadly.iter().map(|delivery| Verdict::Park { reason: reason(delivery) }).collect();
        self.settle(deadly, verdicts).await?;
        Ok(rest)
    }
}

fn unanswered(delivery: &Delivery) -> u32 {
    number(&delivery.properties, DELIVERY_COUNT)
}
