//! One holder at a time, without comparing clocks (DESIGN X6).
//!
//! The holder raises a counter. A contender takes over only after it has itself
//! watched that counter stand still for the whole term; the holder stops two
//! thirds of a term after the start of its last successful raise. Both count on
//! CLOCK_BOOTTIME, which goes on while a machine sleeps. A holder that stops in
//! order gives the lease back, so its successor need not wait. What a stale
//! holder still writes is refused by [`crate::Transaction::fence`].

use std::{sync::Arc, time::Duration};

use bson::{Document, doc};
use katonic_domain::ExecutionId;
use katonic_proto::part::v1 as pb;
use mongodb::{ClientSession, Database};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{collection::number, error::StoreError, table::Table};

const COLLECTION: &str = "leases";
/// How often a leader looks whether the lease is still its; it ends by itself at two thirds of its term.
const LOOK: Duration = Duration::from_millis(500);

/// How often a lease has changed hands; fences writes of earlier holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(rename = "_id")]
    name: String,
    /// Unset once given back.
    holder: Option<String>,
    epoch: u64,
    renewals: u64,
    #[serde(default)]
    fenced: u64,
}

impl Row {
    /// As an operator sees it.
    pub(crate) fn describe(self) -> pb::Lease {
        pb::Lease { name: self.name, holder: self.holder.unwrap_or_default(), epoch: self.epoch }
    }
}

/// Every lease of a database.
pub(crate) fn table(database: &Database) -> Table<Row> {
    Table::new(database, COLLECTION, "lease")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hold {
    epoch: Epoch,
    /// On CLOCK_BOOTTIME.
    until: Duration,
}

/// A lease that this process contends for; cheap to clone.
#[derive(Clone)]
pub struct Lease {
    name: Arc<str>,
    table: Table<Row>,
    hold: watch::Receiver<Option<Hold>>,
}

impl Lease {
    /// The epoch of our hold, if it is ours at this moment.
    pub fn held(&self) -> Option<Epoch> {
        current(*self.hold.borrow())
    }

    /// Waits until it is ours. `None` once the store is closed.
    pub async fn acquired(&self) -> Option<Epoch> {
        let mut hold = self.hold.clone();
        let held = hold.wait_for(|hold| current(*hold).is_some()).await.ok()?;
        held.map(|hold| hold.epoch)
    }

    /// Runs `work` for as long as it is ours, again and again, until shutdown.
    /// A holder that does not know yet that it lost it is told within half a
    /// second; what it writes meanwhile fails at the fence.
    pub async fn lead<F>(&self, shutdown: CancellationToken, work: impl Fn(Epoch, CancellationToken) -> F)
    where
        F: Future<Output = ()>,
    {
        loop {
            let acquired = shutdown.run_until_cancelled(self.acquired()).await;
            let Some(Some(epoch)) = acquired else { return };
            tracing::info!(lease = %self.name, epoch = epoch.get(), "leading");
            let term = shutdown.child_token();
            tokio::join!(work(epoch, term.clone()), self.watch(epoch, &term));
            tracing::info!(lease = %self.name, epoch = epoch.get(), "no longer leading");
        }
    }

    /// Ends the term once the lease is not ours any more.
    async fn watch(&self, epoch: Epoch, term: &CancellationToken) {
        while term.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if self.held() != Some(epoch) {
                term.cancel();
            }
        }
    }

    /// In a transaction: fails unless the lease is still at `epoch` when it commits.
    pub(crate) async fn fence(&self, session: &mut ClientSession, epoch: Epoch) -> Result<(), StoreError> {
        let filter = doc! {"_id": &*self.name, "epoch": number(epoch.0)};
        let fenced = self.table.swap(Some(session), filter, doc! {"$inc": {"fenced": 1_i64}}).await?;
        fenced.map(drop).ok_or_else(|| StoreError::LeaseLost { name: self.name.to_string() })
    }
}

/// Contends for a lease and keeps it, until shutdown.
pub(crate) struct Keeper {
    name: Arc<str>,
    holder: String,
    term: Duration,
    table: Table<Row>,
    hold: watch::Sender<Option<Hold>>,
}

/// The last counter that a contender saw, and when it began to stand still.
struct Watched {
    counter: (u64, u64),
    since: Duration,
}

impl Keeper {
    pub fn new(database: &Database, name: &str, term: Duration) -> (Self, Lease) {
        let (sender, hold) = watch::channel(None);
        let name: Arc<str> = name.into();
        let table = table(database);
        let keeper = Self { name: name.clone(), holder: identity(), term, table: table.clone(), hold: sender };
        (keeper, Lease { name, table, hold })
    }

    pub async fn run(self, shutdown: CancellationToken) {
        let mut watched = None;
        loop {
            let held = current(*self.hold.borrow());
            let pause = match held {
                Some(epoch) => self.renew_or_log(epoch).await,
                None => self.contend_or_log(&mut watched).await,
            };
            if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return self.give_back().await;
            }
        }
    }

    async fn renew_or_log(&self, epoch: Epoch) -> Duration {
        match self.renew(epoch).await {
            Ok(true) => self.term / 3,
            Ok(false) => {
                tracing::warn!(lease = %self.name, "the lease was taken over");
                self.hold.send_replace(None);
                self.term / 6
            }
            Err(error) => {
                tracing::warn!(lease = %self.name, error = &error as &dyn std::error::Error, "a lease was not renewed");
                self.term / 12
            }
        }
    }

    async fn renew(&self, epoch: Epoch) -> Result<bool, StoreError> {
        let started = boot_time();
        let filter = doc! {"_id": &*self.name, "epoch": number(epoch.0), "holder": &self.holder};
        let renewed = self.table.swap(None, filter, doc! {"$inc": {"renewals": 1_i64}}).await?;
        if renewed.is_some() {
            self.hold.send_replace(Some(Hold { epoch, until: started + self.term * 2 / 3 }));
        }
        Ok(renewed.is_some())
    }

    async fn contend_or_log(&self, watched: &mut Option<Watched>) -> Duration {
        self.hold.send_replace(None);
        match self.contend(watched).await {
            Ok(true) => {
                *watched = None;
                self.term / 3
            }
            Ok(false) => self.term / 12,
            Err(error) => {
                tracing::warn!(lease = %self.name, error = &error as &dyn std::error::Error, "a lease was not read");
                self.term / 6
            }
        }
    }

    /// Whether it is ours now.
    async fn contend(&self, watched: &mut Option<Watched>) -> Result<bool, StoreError> {
        let Some(row) = self.table.load(None, &self.name).await? else {
            return self.found().await;
        };
        let counter = (row.epoch, row.renewals);
        let stood_still = match watched {
            Some(seen) if seen.counter == counter => boot_time().saturating_sub(seen.since) >= self.term,
            _ => {
                *watched = Some(Watched { counter, since: boot_time() });
                false
            }
        };
        if stood_still || row.holder.is_none() { self.take_over(&row).await } else { Ok(false) }
    }

    /// Makes the lease where there has never been one.
    async fn found(&self) -> Result<bool, StoreError> {
        let row = Row { name: self.name.to_string(), holder: None, epoch: 0, renewals: 0, fenced: 0 };
        match self.table.insert(None, &row).await {
            Ok(()) | Err(StoreError::Duplicate { .. }) => self.take_over(&row).await,
            Err(error) => Err(error),
        }
    }

    async fn take_over(&self, seen: &Row) -> Result<bool, StoreError> {
        let started = boot_time();
        let filter = doc! {"_id": &*self.name, "epoch": number(seen.epoch), "renewals": number(seen.renewals)};
        let update = doc! {"$set": {"holder": &self.holder}, "$inc": {"epoch": 1_i64, "renewals": 1_i64}};
        let Some(row) = self.table.swap(None, filter, update).await? else { return Ok(false) };
        let hold = Hold { epoch: Epoch(row.epoch), until: started + self.term * 2 / 3 };
        self.hold.send_replace(Some(hold));
        tracing::debug!(lease = %self.name, epoch = row.epoch, "the lease is ours");
        Ok(true)
    }

    async fn give_back(self) {
        let held = current(*self.hold.borrow());
        let Some(epoch) = held else { return };
        self.hold.send_replace(None);
        let filter = doc! {"_id": &*self.name, "epoch": number(epoch.0), "holder": &self.holder};
        let update: Document = doc! {"$set": {"holder": null}};
        if let Err(error) = self.table.swap(None, filter, update).await {
            tracing::debug!(lease = %self.name, error = &error as &dyn std::error::Error, "a lease was not given back");
        }
    }
}

fn current(hold: Option<Hold>) -> Option<Epoch> {
    hold.filter(|hold| boot_time() < hold.until).map(|hold| hold.epoch)
}

fn boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Tells this process from every other.
fn identity() -> String {
    ExecutionId::generate().suffix()
}
