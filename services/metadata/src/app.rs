//! Wiring of both roles: what is built from what, and what runs beside what.

mod access;

use std::sync::Arc;

use anyhow::Context;
use katonic_bus::{Admin, Bus, BusConfig};
use katonic_domain::{Clock, Name, SystemClock};
use katonic_proto::{
    envelope::Source,
    metadata::v1::{
        event_subscription_service_server::EventSubscriptionServiceServer,
        hardware_tier_service_server::HardwareTierServiceServer, limit_service_server::LimitServiceServer,
        operations_service_server::OperationsServiceServer, policy_service_server::PolicyServiceServer,
    },
};
use katonic_service::{
    Shutdown, aggregates,
    auth::{self, Audience, Minter, Verifier},
    rpc,
    runtime::Tasks,
    telemetry,
};
use katonic_store::Store;

use crate::{
    clients::parts::Parts,
    config::Config,
    domain::tier::check_seeds,
    git::{Git, Ports, RemotePermissions},
    grpc::{
        event_subscription_service::SubscriptionHandlers, hardware_tier_service::TierHandlers,
        limit_service::LimitHandlers, operations_service::OperationsHandlers, policy_service::PolicyHandlers,
    },
    store::Repository,
    usecases::{
        bootstrap::{self, Administrator},
        limits::Limits,
        subscriptions::Subscriptions,
        tiers::Tiers,
    },
};

/// The service's name in tokens and events' source, whatever its role.
const NAME: &str = "metadata";

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// gRPC: projects, tokens, decisions.
    Api,
    /// Smart HTTP: repositories.
    Git,
}

impl Role {
    /// As people name the part of the platform that it is.
    pub const fn part(self) -> &'static str {
        match self {
            Self::Api => "metadata",
            Self::Git => "git",
        }
    }
}

/// A role that is bound to its port and does not run yet.
pub struct App {
    server: rpc::Server,
    auth: auth::Layer,
    repository: Repository,
    git: Option<Git>,
}

impl App {
    /// Builds the parts of a role and binds the port.
    ///
    /// # Errors
    /// A configuration that lacks what the role needs; a store that does not answer.
    pub async fn build(config: Config, role: Role, telemetry: telemetry::Handle) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let repository = open(&config, Arc::clone(&clock)).await?;
        let verifier = Verifier::load(&config.keys.dir)?;
        let pinged = repository.store().clone();
        let described = repository.store().clone();
        let server = rpc::Server::bind(NAME, config.service.listen)
            .await?
            .stored(move || {
                let store = described.clone();
                async move { (store.outboxes().await.unwrap_or_default(), store.leases().await.unwrap_or_default()) }
            })
            .ready_when("store", move || {
                let store = pinged.clone();
                async move { store.ping().await.is_ok() }
            })
            .telemetry(telemetry);
        let audience = if role == Role::Api { Audience::Metadata } else { Audience::Git };
        let auth = auth::Layer::new(verifier.clone(), audience);
        let (server, git) = match role {
            Role::Api => (api(server, &config, &repository, &clock).await?, None),
            Role::Git => {
                let git = git(&config, &repository, verifier, clock).await?;
                (server.http(git.router()), Some(git))
            }
        };
        Ok(Self { server, auth, repository, git })
    }

    /// Serves until shutdown, then drains.
    ///
    /// # Errors
    /// The server's.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { server, auth, repository, git } = self;
        let tasks = Tasks::default();
        if let Some(git) = git {
            let until = shutdown.clone();
            tasks.spawn("git-sweep", async move { git.sweep(until).await });
        }
        let served = server.serve(auth, shutdown).await;
        tasks.finish().await;
        repository.store().clone().close().await;
        Ok(served?)
    }
}

async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Repository> {
    let bus = Bus::new(BusConfig::new(config.broker.uri.expose(), NAME));
    let source = Source {
        installation: config.installation.id,
        service: NAME.to_owned(),
        incarnation: u32::try_from(config.installation.incarnation)?,
    };
    let store = Store::connect(&config.store, source, Arc::new(bus), clock).await?;
    Ok(Repository::open(store).await?)
}

async fn api(
    server: rpc::Server,
    config: &Config,
    repository: &Repository,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<rpc::Server> {
    let first = config.bootstrap.as_ref().context("[bootstrap] is missing")?;
    let administrator = Administrator { name: &first.admin_name, token_sha256: &first.admin_token_sha256 };
    bootstrap::ensure(repository, clock.as_ref(), &administrator).await?;

    let broker = config.subscriptions.as_ref().context("[subscriptions] is missing")?;
    let subscriptions = Subscriptions::new(repository.clone(), Admin::new(&broker.admin())?, Arc::clone(clock));
    check_seeds(&config.tiers)?;
    let tiers = Tiers::new(repository.clone(), Arc::clone(clock));
    tiers.seed(&config.tiers).await?;
    let limits = Limits::new(repository.clone(), Arc::clone(clock));
    limits.seed().await?;
    let policies = PolicyHandlers {
        tiers: tiers.clone(),
        limits: limits.clone(),
        incarnation: u32::try_from(config.installation.incarnation)?,
    };
    let parts = Parts::new(&config.peers, &Minter::load(&config.keys, &NAME.parse()?)?)?;
    let server = access::serve(server, config, access::Shared { repository, clock, tiers: &tiers });
    Ok(server
        .add_service(OperationsServiceServer::new(OperationsHandlers { parts }))
        .add_service(HardwareTierServiceServer::new(TierHandlers { tiers }))
        .add_service(LimitServiceServer::new(LimitHandlers { limits }))
        .add_service(PolicyServiceServer::new(policies))
        .add_service(EventSubscriptionServiceServer::new(SubscriptionHandlers {
            subscriptions,
            uri: broker.amqp_uri(),
        }))
        .add_service(aggregates::service(repository.aggregates())))
}

async fn git(
    config: &Config,
    repository: &Repository,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Git> {
    // The role has a name of its own, so that a call of it is told from one of role api.
    let name: Name = "git".parse()?;
    let minter = Minter::load(&config.keys, &name)?;
    let channel = rpc::channel(config.peers.uri(Audience::Metadata)?, &minter, Audience::Metadata)?;
    let permissions = Arc::new(RemotePermissions::new(channel));
    let ports = Ports { verifier, permissions, pushes: Arc::new(repository.clone()), clock };
    Ok(Git::build(config.git.clone(), ports).await?)
}
