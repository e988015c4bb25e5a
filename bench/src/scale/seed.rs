//! Makes executions that are over, as if they had run: through the real store
//! library, with the documents, events and members of one that really ran.
//!
//! Each is one transaction, so that the platform, which is up, never sees one
//! that waits. Of its events there is the last one only: with all five, 50,000
//! take the most of an hour.

use std::{fs, sync::Arc};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use katonic_bus::{Bus, BusConfig};
use katonic_dispatcher::{
    domain::{
        execution::{Execution, Number},
        member::Member,
    },
    store::{FINISHED, number_key},
};
use katonic_domain::{ExecutionId, MemberId, SystemClock};
use katonic_integration_tests::{Platform, wait};
use katonic_proto::envelope::Source;
use katonic_store::{Collection, Records, Store, StoreConfig, doc};

use crate::side::Side;

/// Transactions at once: as many as the store's disk takes together.
const AT_ONCE: usize = 16;
/// Executions whose events may wait for the broker: the relay takes 2,048 commits.
const BURST: usize = 1_000;

/// Makes executions.
pub struct Seeder {
    store: Store,
    executions: Collection<Execution>,
    members: Records<Member>,
    template: (Execution, Member),
}

impl Seeder {
    /// Into the project of a side, with the dispatcher's own credentials.
    pub async fn open(platform: &Platform, side: &Side) -> Result<Self> {
        let ran = side.rest.submit(&side.project, &["true"]).await?;
        side.rest.settled(&ran).await?;
        let store = connect(platform).await?;
        let (executions, members) = (store.collection::<Execution>().await?, store.records::<Member>().await?);
        let execution = executions.get(&ran.parse()?).await?.context("the one that ran")?.state;
        let member = members.find_one(doc! {"state.execution": &ran}).await?.context("its member")?;
        Ok(Self { store, executions, members, template: (execution, member) })
    }

    /// So many more; their ids, oldest first.
    pub async fn executions(&self, count: usize) -> Result<Vec<String>> {
        let mut made = Vec::with_capacity(count);
        while made.len() < count {
            let burst = BURST.min(count - made.len());
            let ids = stream::iter(0..burst).map(|_| self.one()).buffered(AT_ONCE);
            made.extend(ids.try_collect::<Vec<_>>().await?);
            wait::until("all events are published", async || {
                let waiting = self.executions.find_one(doc! {"unpublished_since": {"$exists": true}}).await?;
                Ok(waiting.is_none().then_some(()))
            })
            .await?;
        }
        Ok(made)
    }

    async fn one(&self) -> Result<String> {
        let (execution, member) = self.template.clone();
        let number = Number(self.store.numbers().take(number_key(execution.project)).await?);
        let execution = Execution { id: ExecutionId::generate(), number, ..execution };
        let id = execution.id;
        let member = Member { id: MemberId { execution: id, ..member.id }, execution: id, ..member };
        let work = async |tx: &mut katonic_store::Transaction| {
            tx.insert(&self.executions, execution.clone(), FINISHED, None).await?;
            tx.insert_record(&self.members, member.clone()).await
        };
        self.store.transaction(work).await?;
        Ok(id.to_string())
    }

    /// Gives the connection back.
    pub async fn close(self) {
        self.store.close().await;
    }
}

async fn connect(platform: &Platform) -> Result<Store> {
    let text = fs::read_to_string(platform.home().join("config/dispatcher.toml"))?;
    let config: toml::Table = toml::from_str(&text)?;
    let key = |section: &str, key: &str| -> Result<String> {
        let value = config.get(section).and_then(|section| section.get(key)).and_then(|value| value.as_str());
        value.map(ToOwned::to_owned).with_context(|| format!("no {section}.{key}"))
    };
    let source = Source {
        installation: key("installation", "id")?.parse()?,
        service: "dispatcher".to_owned(),
        incarnation: u32::try_from(config["installation"]["incarnation"].as_integer().context("an incarnation")?)?,
    };
    let bus = Bus::new(BusConfig::new(key("broker", "uri")?, "bench"));
    let config = StoreConfig::new(key("store", "uri")?, key("store", "database")?);
    Ok(Store::connect(&config, source, Arc::new(bus), Arc::new(SystemClock)).await?)
}
