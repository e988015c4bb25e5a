//! Wiring: from a configuration to a service that runs until it is told to stop.

use std::{net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;
use katonic_bus::{
    Consumer, ConsumerConfig, OutgoingEvent, Parked, PublishError, Publisher,
    topology::{SEARCH_EVENTS, Service},
};
use katonic_domain::{Clock, SystemClock};
use katonic_proto::{
    envelope::Source,
    search::v1::{feed_service_server::FeedServiceServer, search_service_server::SearchServiceServer},
};
use katonic_service::{
    Secret, Shutdown,
    auth::{Audience, Layer, Minter, Verifier},
    rpc,
    runtime::Tasks,
    telemetry,
};
use katonic_store::Store;

use crate::{
    clients::{access::Access, owners::Owners},
    config::Config,
    consumers::events::Events,
    grpc::{FeedRpc, SearchRpc},
    index::{folder::Folder, live::Present},
    store::Feed,
    tasks::indexing::Indexing,
    usecases::{
        append::Appender, follow::Follower, heads::Heads, rebuild::Rebuilds, resync::Resync, search::Searching,
    },
};

/// The name in tokens, metrics and events.
pub const NAME: &str = "search-indexer";

/// The bound service.
pub struct App {
    server: rpc::Server,
    auth: Layer,
    store: Store,
    filling: Filling,
    indexing: Indexing,
    heads: Heads,
    tasks: Tasks,
}

/// What fills the feed while the lease is ours.
#[derive(Clone)]
struct Filling {
    feed: Feed,
    appender: Appender,
    resync: Resync,
    broker: Secret<String>,
}

impl App {
    /// Opens what the service needs and binds its port. Broker and peers need not answer yet.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let minter = Minter::load(&config.keys, &NAME.parse()?)?;
        let verifier = Verifier::load(&config.keys.dir)?;
        let store = open_store(config).await?;
        let feed = Feed::open(store.clone(), SystemClock.now()).await?;
        let peer = |peer| anyhow::Ok(rpc::channel(config.peers.uri(peer)?, &minter, peer)?);
        let (metadata, dispatcher) = (peer(Audience::Metadata)?, peer(Audience::Dispatcher)?);
        let access = Access::new(metadata.clone());
        let owners = Owners::new([(Audience::Metadata, metadata), (Audience::Dispatcher, dispatcher)]);
        let heads = Heads::default();
        let appender = Appender::new(feed.clone(), owners.clone(), heads.clone());
        let resync = Resync::new(feed.clone(), owners, appender.clone());
        let follower = Follower::new(feed.clone(), heads.clone());
        let present = Present::default();
        let rebuilds = Rebuilds::default();
        let indexing = Indexing {
            folder: Folder::open(config.index.dir.clone())?,
            feed: feed.clone(),
            heads: heads.clone(),
            present: present.clone(),
            rebuilds: rebuilds.clone(),
        };
        let searching = Searching::new(present, feed.clone(), heads.clone(), Arc::new(SystemClock));
        let searches = SearchRpc { searching, access: access.clone(), rebuilds };
        let (checked, described) = (store.clone(), store.clone());
        let server = rpc::Server::bind(NAME, config.service.listen)
            .await?
            .add_service(FeedServiceServer::new(FeedRpc { follower, access }))
            .add_service(SearchServiceServer::new(searches))
            .parked(Parked::new(config.broker.uri.expose(), Service::Search))
            .stored(move || {
                let store = described.clone();
                async move { (store.outboxes().await.unwrap_or_default(), store.leases().await.unwrap_or_default()) }
            })
            .ready_when("store", move || {
                let store = checked.clone();
                async move { store.ping().await.is_ok() }
            });
        let filling = Filling { feed, appender, resync, broker: config.broker.uri.clone() };
        let auth = Layer::new(verifier, Audience::Search);
        Ok(Self { server, auth, store, filling, indexing, heads, tasks: Tasks::default() })
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

    /// Serves until `shutdown`.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { server, auth, store, filling, indexing, heads, tasks } = self;
        tasks.spawn("heads", heads.look(filling.feed.clone(), shutdown.clone()));
        tasks.spawn("index", indexing.run(shutdown.clone()));
        tasks.spawn("feed", filling.run(shutdown.clone()));
        server.serve(auth, shutdown).await?;
        tasks.finish().await;
        store.close().await;
        Ok(())
    }
}

impl Filling {
    async fn run(self, shutdown: Shutdown) {
        let lease = self.feed.lease().clone();
        lease.lead(shutdown, |_epoch, term| self.clone().consume(term)).await;
    }

    async fn consume(self, term: Shutdown) {
        let events = Events { appender: self.appender, resync: self.resync };
        let config = ConsumerConfig::new(self.broker.expose(), SEARCH_EVENTS);
        Consumer::new(config, events).run(term).await;
    }
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let source = Source {
        installation: config.installation.id,
        service: NAME.to_owned(),
        incarnation: u32::try_from(config.installation.incarnation)?,
    };
    Ok(Store::connect(&config.store, source, Arc::new(NoEvents), Arc::new(SystemClock)).await?)
}

/// The feed has no events of its own, so nothing ever waits to be published.
pub struct NoEvents;

impl Publisher for NoEvents {
    fn publish<'a>(&'a self, event: &'a OutgoingEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        tracing::error!(event.id = %event.id, "an event of a service that has none stays unpublished");
        Box::pin(std::future::ready(Err(PublishError::Timeout)))
    }
}
