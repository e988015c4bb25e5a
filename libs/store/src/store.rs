//! The database of one service, and the tasks that belong to it: relay,
//! sweeper, numbers, leases. They end when the store is closed or dropped; a
//! crash leaves nothing that the next start does not take up.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use bson::doc;
use katonic_bus::Publisher;
use katonic_domain::Clock;
use katonic_proto::envelope::Source;
use mongodb::{Client, Database, options::ClientOptions};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    aggregate::{Aggregate, Record},
    collection::{Collection, Shared},
    config::StoreConfig,
    error::StoreError,
    history,
    index::{self, Index},
    lease::{Keeper, Lease},
    numbers::Numbers,
    records::Records,
    relay::{self, Clearer, Delivering, Histories, Relay, Sweeper},
    table::Table,
    transaction::{self, Transaction},
};

/// Shorter than a caller's patience, so that "away" is answered and not timed out.
const SERVER_SELECTION: Duration = Duration::from_secs(3);
/// How long a closing store waits for events under way.
const DRAIN: Duration = Duration::from_secs(5);

/// The database of one service; cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    shared: Arc<Shared>,
    histories: Histories,
    numbers: Numbers,
    tasks: Arc<Tasks>,
    lease_term: Duration,
}

struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    _end: DropGuard,
}

impl Store {
    /// Opens the database. It need not be reachable yet: calls say so themselves.
    ///
    /// # Errors
    /// A URI that is none.
    pub async fn connect(
        config: &StoreConfig,
        source: Source,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let database = open(config).await.map_err(|error| StoreError::driver("database", error))?;
        let (relay, offers) = Relay::new();
        let (clearer, clearing) = Clearer::new(database.clone());
        let (numbers, numbering) = Numbers::new(&database);
        let histories: Histories = Arc::new(RwLock::new(HashMap::new()));
        let shutdown = CancellationToken::new();
        let tracker = TaskTracker::new();
        let store = Self {
            database,
            shared: Arc::new(Shared { source, clock: clock.clone(), relay: relay.clone() }),
            histories: histories.clone(),
            numbers,
            tasks: Arc::new(Tasks { tracker, shutdown: shutdown.clone(), _end: shutdown.clone().drop_guard() }),
            lease_term: config.lease_term(),
        };
        let sweeper = Sweeper {
            database: store.database.clone(),
            histories: histories.clone(),
            relay,
            lease: store.lease("relay-sweeper"),
            clock,
            after: config.sweep_after(),
            every: config.sweep_every(),
        };
        let delivering = Delivering { publisher, histories, clearer };
        let tracker = &store.tasks.tracker;
        tracker.spawn(relay::run(offers, delivering, shutdown.clone()));
        tracker.spawn(sweeper.run(shutdown));
        tracker.spawn(clearing.run());
        tracker.spawn(numbering.run());
        Ok(store)
    }

    /// The aggregates of one type; creates their indexes.
    pub async fn collection<T: Aggregate>(&self) -> Result<Collection<T>, StoreError> {
        let table = Table::new(&self.database, T::COLLECTION, T::ENTITY);
        let mut indexes: Vec<_> = T::INDEXES.iter().map(Index::model).collect();
        indexes.extend([index::idempotency(), index::unpublished()]);
        table.create_indexes(indexes).await?;
        let history = Table::new(&self.database, &history::name(T::COLLECTION), T::ENTITY);
        history.create_indexes(vec![index::history()]).await?;
        if let Ok(mut histories) = self.histories.write() {
            histories.insert(T::COLLECTION, history.clone());
        }
        Ok(Collection { table, history, shared: self.shared.clone() })
    }

    /// The records of one type; creates their indexes.
    pub async fn records<T: Record>(&self) -> Result<Records<T>, StoreError> {
        let table = Table::new(&self.database, T::COLLECTION, T::ENTITY);
        let mut indexes: Vec<_> = T::INDEXES.iter().map(Index::model).collect();
        indexes.push(index::idempotency());
        table.create_indexes(indexes).await?;
        Ok(Records { table, clock: self.shared.clock.clone() })
    }

    /// Dense numbers.
    pub fn numbers(&self) -> Numbers {
        self.numbers.clone()
    }

    /// Contends for a lease from now on.
    pub fn lease(&self, name: &str) -> Lease {
        let (keeper, lease) = Keeper::new(&self.database, name, self.lease_term);
        self.tasks.tracker.spawn(keeper.run(self.tasks.shutdown.clone()));
        lease
    }

    /// Changes several documents at once. `work` may run several times, so it
    /// does nothing but read and write through the transaction.
    ///
    /// Where the caller's future must be `Send`, as in a gRPC handler, `work` is
    /// an `async move` closure that owns what it uses: the compiler cannot see
    /// yet that one which borrows may move between threads.
    ///
    /// # Errors
    /// What `work` answers, [`StoreError::TransactionContended`].
    pub async fn transaction<V, E: From<StoreError>>(
        &self,
        work: impl AsyncFnMut(&mut Transaction) -> Result<V, E>,
    ) -> Result<V, E> {
        transaction::run(self.database.client(), &self.shared.relay, work).await
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// The collections of aggregates, by name.
    pub(crate) fn collections(&self) -> Vec<&'static str> {
        let mut names: Vec<_> =
            self.histories.read().map(|histories| histories.keys().copied().collect()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// Whether the store answers now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and what else speaks against it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let ping = self.database.run_command(doc! {"ping": 1});
        ping.await.map(drop).map_err(|error| StoreError::driver("database", error))
    }

    /// Gives leases back and waits, a moment, for events under way. What is
    /// left stays in the outbox.
    pub async fn close(self) {
        let Self { tasks, shared, numbers, .. } = self;
        tasks.shutdown.cancel();
        tasks.tracker.close();
        drop((shared, numbers));
        if tokio::time::timeout(DRAIN, tasks.tracker.wait()).await.is_err() {
            tracing::warn!("events were still under way when the store was closed");
        }
    }
}

async fn open(config: &StoreConfig) -> mongodb::error::Result<Database> {
    let mut options = ClientOptions::parse(config.uri.expose()).await?;
    options.server_selection_timeout = Some(SERVER_SELECTION);
    options.connect_timeout = Some(SERVER_SELECTION);
    Ok(Client::with_options(options)?.database(&config.database))
}
