//! An owner of executions: a real store whose events nobody publishes, so that
//! a test decides what comes, and the real RPCs by which it is asked.

use std::{fs, sync::Arc};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use katonic_domain::{ExecutionId, InstallationId, ProjectId, SystemClock};
use katonic_proto::{aggregates::Aggregates as _, envelope::Source};
use katonic_search_indexer::{app::NoEvents, clients::owners::Owners, domain::FeedEvent};
use katonic_service::{
    Shutdown, aggregates,
    auth::{Audience, Layer, Minter, Verifier},
    config::KeysSection,
    rpc, runtime,
};
use katonic_store::{Aggregate, Collection, Fact, Index, Store, StoreError, Version, doc};
use katonic_testkit::store::store;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;

/// Something with the snapshot of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    pub id: ExecutionId,
    pub project: ProjectId,
    pub snapshot: String,
}

impl Aggregate for Thing {
    type Id = ExecutionId;

    const COLLECTION: &'static str = "executions";
    const ENTITY: &'static str = "execution";
    const EXCHANGE: &'static str = "katonic.dispatch";
    const INDEXES: &'static [Index] = &[];

    fn id(&self) -> ExecutionId {
        self.id
    }

    fn project(&self) -> Option<ProjectId> {
        Some(self.project)
    }

    fn snapshot(&self, _: Version) -> Value {
        serde_json::from_str(&self.snapshot).unwrap_or_default()
    }
}

/// The owner, served.
pub struct Owner {
    pub things: Collection<Thing>,
    store: Store,
    minter: Minter,
    address: String,
    shutdown: Shutdown,
    _keys: TempDir,
}

impl Owner {
    pub async fn start() -> anyhow::Result<Self> {
        let (folder, keys) = keys()?;
        let config = store().await?.database();
        let source =
            Source { installation: InstallationId::generate(), service: "dispatcher".to_owned(), incarnation: 1 };
        let store = Store::connect(&config, source, Arc::new(NoEvents), Arc::new(SystemClock)).await?;
        let things = store.collection::<Thing>().await?;
        let shutdown = Shutdown::new();
        let server = rpc::Server::bind("dispatcher", "127.0.0.1:0".parse()?)
            .await?
            .add_service(aggregates::service(vec![Arc::new(things.clone())]));
        let address = format!("http://{}", server.address()?);
        let auth = Layer::new(Verifier::load(&keys.dir)?, Audience::Dispatcher);
        runtime::spawn("owner", server.serve(auth, shutdown.clone()));
        let minter = Minter::load(&keys, &"search-indexer".parse()?)?;
        Ok(Self { things, store, minter, address, shutdown, _keys: folder })
    }

    /// As a replica asks it. Of metadata there is none.
    pub fn owners(&self) -> anyhow::Result<Owners> {
        let channel = |uri: &str, audience| rpc::channel(uri, &self.minter, audience);
        let metadata = channel("http://127.0.0.1:1", Audience::Metadata)?;
        Ok(Owners::new([
            (Audience::Metadata, metadata),
            (Audience::Dispatcher, channel(&self.address, Audience::Dispatcher)?),
        ]))
    }

    /// It answers no more.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    pub async fn put(&self, thing: Thing) -> anyhow::Result<()> {
        self.things.insert(thing, Fact("queued"), None).await?;
        Ok(())
    }

    pub async fn change(&self, id: ExecutionId, snapshot: &Value) -> anyhow::Result<()> {
        let changed = self.things.update(&id, |thing| {
            thing.snapshot = snapshot.to_string();
            Ok::<_, StoreError>(Some(Fact("finished")))
        });
        changed.await?;
        Ok(())
    }

    /// All events of a thing.
    pub async fn events(&self, id: ExecutionId) -> anyhow::Result<Vec<FeedEvent>> {
        let id = id.to_string();
        let texts = self.things.events(&id, 0, 200).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        texts
            .iter()
            .map(|text| Ok(FeedEvent::try_from(serde_json::from_str::<katonic_proto::envelope::Envelope>(text)?)?))
            .collect()
    }

    /// Everything there is, as its store has it.
    pub async fn all(&self) -> anyhow::Result<Vec<Thing>> {
        let found = self.things.find(doc! {}, doc! {"_id": 1}, 10_000).await?;
        Ok(found.into_iter().map(|stored| stored.state).collect())
    }

    pub async fn end(self) {
        self.shutdown.cancel();
        self.store.close().await;
    }
}

fn keys() -> anyhow::Result<(TempDir, KeysSection)> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    let dir = folder.path().to_owned();
    let signing_key = dir.join("one.key.pem");
    let key = SigningKey::from_bytes(&[7; 32]);
    fs::write(&signing_key, key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    fs::set_permissions(&signing_key, fs::Permissions::from_mode(0o600))?;
    fs::write(dir.join("one.pub.pem"), key.verifying_key().to_public_key_pem(LineEnding::LF)?)?;
    Ok((folder, KeysSection { dir, signing_key }))
}
