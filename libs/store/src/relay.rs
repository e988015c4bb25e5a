//! From outbox to broker (DESIGN W2).
//!
//! ```text
//!  commit ──offer──> lane of the aggregate ──in order──> Publisher
//!                         │        └── beside it ──────> <aggregate>_history
//!                         └── both done ──> clear exactly those entries
//!  sweeper (leased, every second) ──offers what is older than 5 s──┘
//! ```
//!
//! At least once, in order per aggregate within this process, one publish in
//! flight per aggregate. Offers are hints: one that finds no room, one whose
//! publish fails and one that dies with the process all leave the entry in the
//! outbox, where the sweeper finds it.

mod clearer;
mod lane;
mod sweeper;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use katonic_bus::Publisher;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::lane::{Delivery, Lane, Outcome};
pub(crate) use self::{clearer::Clearer, sweeper::Sweeper};
use crate::{history::HistoryEntry, outbox::OutboxEntry, table::Table};

/// Commits that may wait for the relay: a second's worth of a busy service.
const MAX_OFFERS: usize = 2_048;
/// Publishes in flight: enough to hide a confirm's round trip, few enough for the broker.
const MAX_IN_FLIGHT: usize = 64;

/// Which aggregate.
type Key = (&'static str, String);

/// Entries that an aggregate's document held after a commit.
pub(crate) struct Offer {
    key: Key,
    entries: Vec<OutboxEntry>,
    done: Option<oneshot::Sender<Outcome>>,
}

impl Offer {
    pub fn new(collection: &'static str, id: &str, entries: Vec<OutboxEntry>) -> Self {
        Self { key: (collection, id.to_owned()), entries, done: None }
    }
}

/// Where commits hand in their events.
#[derive(Clone)]
pub(crate) struct Relay {
    offers: mpsc::Sender<Offer>,
}

impl Relay {
    pub fn new() -> (Self, mpsc::Receiver<Offer>) {
        let (offers, receiver) = mpsc::channel(MAX_OFFERS);
        (Self { offers }, receiver)
    }

    /// Never waits: a commit is not held up by the broker.
    pub fn offer(&self, offer: Offer) {
        if self.offers.try_send(offer).is_err() {
            metrics::counter!("katonic_store_relay_left_to_sweeper_total").increment(1);
        }
    }

    /// Hands in entries and waits for what became of them.
    async fn deliver(self, mut offer: Offer) -> Outcome {
        let (done, outcome) = oneshot::channel();
        offer.done = Some(done);
        if self.offers.send(offer).await.is_err() {
            return Outcome::Unavailable;
        }
        outcome.await.unwrap_or(Outcome::Unavailable)
    }
}

/// What a relay delivers with.
pub(crate) struct Delivering {
    pub publisher: Arc<dyn Publisher>,
    pub histories: Histories,
    pub clearer: Clearer,
}

/// The history of each collection, by the collection's name.
pub(crate) type Histories = Arc<std::sync::RwLock<HashMap<&'static str, Table<HistoryEntry>>>>;

/// Runs until every offer is taken and every lane is empty, once `shutdown` is
/// cancelled, or until its caller gives up on it.
pub(crate) async fn run(mut offers: mpsc::Receiver<Offer>, delivering: Delivering, shutdown: CancellationToken) {
    let delivering = Arc::new(delivering);
    let mut lanes = Lanes::default();
    let mut closing = false;
    loop {
        lanes.start(&delivering);
        if closing && lanes.running.is_empty() && offers.is_empty() {
            return;
        }
        tokio::select! {
            Some(offer) = offers.recv() => lanes.accept(offer),
            Some(delivery) = lanes.running.join_next() => lanes.finish(delivery),
            () = shutdown.cancelled(), if !closing => {
                offers.close();
                closing = true;
            }
        }
    }
}

#[derive(Default)]
struct Lanes {
    lanes: HashMap<Key, Lane>,
    ready: VecDeque<Key>,
    running: JoinSet<(Key, Outcome)>,
}

impl Lanes {
    fn accept(&mut self, offer: Offer) {
        let lane = self.lanes.entry(offer.key.clone()).or_default();
        lane.take(offer.entries, offer.done);
        if lane.make_ready() {
            self.ready.push_back(offer.key);
        }
    }

    fn start(&mut self, delivering: &Arc<Delivering>) {
        while self.running.len() < MAX_IN_FLIGHT {
            let Some(key) = self.ready.pop_front() else { return };
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            let delivery = Delivery { key: key.clone(), entries: lane.start(), with: delivering.clone() };
            self.running.spawn(async move { (key, delivery.run().await) });
        }
    }

    fn finish(&mut self, delivery: Result<(Key, Outcome), tokio::task::JoinError>) {
        let (key, outcome) = match delivery {
            Ok(finished) => finished,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a delivery of events broke off");
                return;
            }
        };
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        lane.finish(outcome);
        if lane.make_ready() {
            self.ready.push_back(key);
        } else {
            self.lanes.remove(&key);
        }
    }
}
