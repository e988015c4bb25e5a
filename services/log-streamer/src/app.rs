//! Wiring: from a configuration to a service that runs until it is told to stop.

use std::{net::SocketAddr, path::Path, sync::Arc};

use futures::future::BoxFuture;
use katonic_blob::{Blobs, InstallationKey, KeyRing};
use katonic_bus::{OutgoingEvent, PublishError, Publisher};
use katonic_domain::{Clock, SystemClock};
use katonic_proto::{
    envelope::Source,
    logs::v1::{ingest_service_server::IngestServiceServer, log_service_server::LogServiceServer},
};
use katonic_service::{
    Shutdown,
    auth::{Audience, Layer, Minter, Verifier},
    rpc,
    runtime::Tasks,
    telemetry,
};
use katonic_store::Store;

use crate::{
    clients::{access::Access, executions::Executions},
    config::{BlobsSection, Config},
    grpc::{IngestRpc, LogRpc},
    segments::Segments,
    store::{Manifests, data_keys},
    tail::Tail,
    tasks::sweeper,
    usecases::{
        follow::Follower,
        ingest::Ingest,
        keep::{Background, Keeper},
        live::LiveLogs,
        lost::Lost,
        read::Reader,
        tidy::Tidier,
    },
};

/// The name in tokens, metrics and events.
pub const NAME: &str = "log-streamer";
/// A message of 4 MiB of lines, with the numbers and times of very short ones.
const MESSAGE_CAP: usize = 8 << 20;

/// What the use cases run with.
pub struct Deps {
    /// Where tasks are spawned.
    pub tasks: Tasks,
    /// When they end.
    pub shutdown: Shutdown,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// The use cases, wired.
#[derive(Clone)]
pub struct Logs {
    /// Takes records.
    pub ingest: Ingest,
    /// Makes them durable.
    pub keeper: Keeper,
    /// Closes lost logs.
    pub lost: Lost,
    /// Reads.
    pub reader: Reader,
    /// Follows.
    pub follower: Follower,
    /// Merges and sweeps.
    pub tidier: Tidier,
}

impl Logs {
    /// Wires the use cases over a store, a blob folder and a Redis.
    pub async fn build(store: &Store, blobs: &BlobsSection, redis_uri: &str, deps: Deps) -> anyhow::Result<Self> {
        let Deps { tasks, shutdown, clock } = deps;
        let key = InstallationKey::load_or_create(&blobs.key_file)?;
        let segments = open_segments(store, &blobs.dir, key).await?;
        let manifests = Manifests::of(store).await?;
        let tail = Arc::new(Tail::connect(redis_uri)?);
        let live = Arc::new(LiveLogs::default());
        let tidier = Tidier::new(manifests.clone(), segments.clone(), clock.clone());
        tasks.spawn("sweeper", sweeper::run(tidier.clone(), shutdown.clone()));
        let background = Background { tasks, shutdown, tidier: tidier.clone() };
        let keeper = Keeper::new(manifests.clone(), segments.clone(), tail.clone(), background, clock.clone());
        let ingest = Ingest::new(keeper.clone(), tail.clone(), live.clone());
        let lost = Lost::new(ingest.clone(), keeper.clone(), clock);
        let reader = Reader::new(manifests, segments, tail, live);
        let follower = Follower::new(reader.clone(), lost.clone());
        Ok(Self { ingest, keeper, lost, reader, follower, tidier })
    }
}

async fn open_segments(store: &Store, folder: &Path, key: InstallationKey) -> anyhow::Result<Segments> {
    let ring = KeyRing::new(key, data_keys(store).await?);
    Ok(Segments::new(Blobs::local(folder, ring)?))
}

/// The bound service.
pub struct App {
    server: rpc::Server,
    auth: Layer,
    store: Store,
    tasks: Tasks,
}

impl App {
    /// Opens what the service needs and binds its port.
    pub async fn build(config: &Config, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let service = NAME.parse()?;
        let minter = Minter::load(&config.keys, &service)?;
        let verifier = Verifier::load(&config.keys.dir)?;
        let store = open_store(config).await?;
        let tasks = Tasks::default();
        let redis_uri = config.redis.uri.expose();
        let deps = Deps { tasks: tasks.clone(), shutdown: shutdown.clone(), clock: Arc::new(SystemClock) };
        let logs = Logs::build(&store, &config.blobs, redis_uri, deps).await?;
        let peer = |peer| anyhow::Ok(rpc::channel(config.peers.uri(peer)?, &minter, peer)?);
        let executions = Executions::new(peer(Audience::Dispatcher)?);
        let access = Access::new(peer(Audience::Metadata)?);
        let checked = store.clone();
        let described = store.clone();
        let server = rpc::Server::bind(NAME, config.service.listen)
            .await?
            .add_service(ingest_service(&logs, &executions))
            .add_service(log_service(&logs, access, executions))
            .stored(move || {
                let store = described.clone();
                async move { (store.outboxes().await.unwrap_or_default(), store.leases().await.unwrap_or_default()) }
            })
            .ready_when("store", move || {
                let store = checked.clone();
                async move { store.ping().await.is_ok() }
            });
        Ok(Self { server, auth: Layer::new(verifier, Audience::Logs), store, tasks })
    }

    /// Shows what the process says of itself, too.
    #[must_use]
    pub fn telemetry(mut self, handle: telemetry::Handle) -> Self {
        self.server = self.server.telemetry(handle);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    /// Serves until `shutdown`, then keeps what is buffered.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        self.server.serve(self.auth, shutdown).await?;
        self.tasks.finish().await;
        self.store.close().await;
        Ok(())
    }
}

fn ingest_service(logs: &Logs, executions: &Executions) -> IngestServiceServer<IngestRpc> {
    let rpc = IngestRpc {
        ingest: logs.ingest.clone(),
        keeper: logs.keeper.clone(),
        lost: logs.lost.clone(),
        executions: executions.clone(),
    };
    IngestServiceServer::new(rpc).max_decoding_message_size(MESSAGE_CAP)
}

fn log_service(logs: &Logs, access: Access, executions: Executions) -> LogServiceServer<LogRpc> {
    let rpc = LogRpc {
        reader: logs.reader.clone(),
        follower: logs.follower.clone(),
        lost: logs.lost.clone(),
        access,
        executions,
    };
    LogServiceServer::new(rpc)
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let source = Source {
        installation: config.installation.id,
        service: NAME.to_owned(),
        incarnation: u32::try_from(config.installation.incarnation)?,
    };
    Ok(Store::connect(&config.store, source, Arc::new(NoEvents), Arc::new(SystemClock)).await?)
}

/// Logs have no events, so nothing ever waits to be published.
pub struct NoEvents;

impl Publisher for NoEvents {
    fn publish<'a>(&'a self, event: &'a OutgoingEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        tracing::error!(event.id = %event.id, "an event of a service that has none stays unpublished");
        Box::pin(std::future::ready(Err(PublishError::Timeout)))
    }
}
