//! A small aggregate and record, a database of one's own, a bus that remembers.

use std::sync::Arc;

use katonic_domain::{InstallationId, ProjectId, SystemClock, TokenId};
use katonic_proto::envelope::Source;
use katonic_store::{Aggregate, Collection, Fact, Index, Record, Store, StoreConfig, StoreError, Version};
use katonic_testkit::{publisher::RecordingPublisher, store::store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub id: ProjectId,
    pub name: String,
    pub number: u64,
    pub balance: i64,
    pub note: Option<String>,
}

impl Account {
    pub fn new(name: &str) -> Self {
        Self { id: ProjectId::generate(), name: name.to_owned(), number: 1, balance: 0, note: None }
    }

    pub fn deposit(&mut self, amount: i64) -> Result<Option<Fact>, StoreError> {
        self.balance += amount;
        Ok(Some(Fact("deposited")))
    }
}

impl Aggregate for Account {
    type Id = ProjectId;
    const COLLECTION: &'static str = "accounts";
    const ENTITY: &'static str = "account";
    const EXCHANGE: &'static str = "katonic.metadata";
    const INDEXES: &'static [Index] = &[Index::unique(&["name"]), Index::on(&["number"])];

    fn id(&self) -> ProjectId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.id)
    }

    fn snapshot(&self, _: Version) -> Value {
        json!({"accountId": self.id.to_string(), "balance": self.balance})
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub id: TokenId,
    pub used: bool,
}

impl Record for Ticket {
    type Id = TokenId;
    const COLLECTION: &'static str = "tickets";
    const ENTITY: &'static str = "ticket";

    fn id(&self) -> TokenId {
        self.id
    }
}

/// A service's store, with a database of its own that several can share.
pub struct Fixture {
    pub store: Store,
    pub accounts: Collection<Account>,
    pub bus: Arc<RecordingPublisher>,
    pub config: StoreConfig,
}

impl Fixture {
    pub async fn new() -> anyhow::Result<Self> {
        let mut config = store().await?.database();
        config.sweep_after_ms = 50;
        config.sweep_every_ms = 20;
        config.lease_term_ms = 2_000;
        Self::on(config).await
    }

    /// Another process of the same service.
    pub async fn beside(&self) -> anyhow::Result<Self> {
        Self::on(self.config.clone()).await
    }

    async fn on(config: StoreConfig) -> anyhow::Result<Self> {
        let bus = RecordingPublisher::new();
        let source =
            Source { installation: InstallationId::generate(), service: "metadata".to_owned(), incarnation: 1 };
        let store = Store::connect(&config, source, bus.clone(), Arc::new(SystemClock)).await?;
        Ok(Self { accounts: store.collection().await?, store, bus, config })
    }

    pub async fn account(&self, name: &str) -> anyhow::Result<ProjectId> {
        let account = Account::new(name);
        Ok(self.accounts.insert(account, Fact("created"), None).await?.stored.state.id)
    }

    /// Waits until nothing of the account waits for the broker.
    pub async fn drained(&self, id: ProjectId) -> anyhow::Result<()> {
        self.waits(id, 0).await
    }

    /// Waits until so many events of the account wait for the broker.
    pub async fn waits(&self, id: ProjectId, events: usize) -> anyhow::Result<()> {
        while self.accounts.get(&id).await?.is_some_and(|account| account.waiting != events) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
