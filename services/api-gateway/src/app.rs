//! Puts the gateway together.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::{IntoResponse, Response},
};
use katonic_domain::{Name, SystemClock};
use katonic_proto::rules::{self, Rule};
use katonic_service::{
    Shutdown,
    auth::{Audience, KeyError, Minter, Verifier},
    http::{Limits as PortLimits, serve},
    rpc::{self, Checks},
    telemetry,
};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::{
    NAME,
    config::Config,
    documents,
    edge::{self, Door},
    http as rest,
    limits::Limits,
    pages,
    part::Part,
    problem::Problem,
    proxy,
    session::Sessions,
    upstream::{self, Upstreams},
};

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// Keys.
    #[error("the keys are not usable")]
    Keys(#[from] KeyError),
    /// The folder of pages.
    #[error("there are no pages in {}", .0.display())]
    Pages(PathBuf, #[source] io::Error),
    /// Peers.
    #[error("the peers are not usable")]
    Peers(#[from] upstream::Error),
    /// The contracts cannot be reflected.
    #[error("reflection cannot be served")]
    Reflection(#[from] rpc::ServerError),
    /// The channel to metadata.
    #[error("metadata cannot be called")]
    Metadata(#[from] rpc::ClientError),
}

/// What the handlers share.
pub(crate) struct Gateway {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) upstreams: Upstreams,
    pub(crate) verifier: Verifier,
    pub(crate) shutdown: Shutdown,
}

/// A gateway that is bound but does not serve yet.
pub struct App {
    listener: TcpListener,
    gateway: Arc<Gateway>,
    checks: Checks,
    open: Router,
    pages: Router<Doors>,
    telemetry: Option<telemetry::Handle>,
}

impl App {
    /// Binds the port and reads the keys; peers are connected when first needed.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bind(config: &Config, telemetry: Option<telemetry::Handle>) -> Result<Self, Error> {
        let minter = Minter::load(&config.keys, &name())?;
        let verifier = Verifier::load(&config.keys.dir)?;
        let upstreams = Upstreams::new(&config.peers, minter.clone())?;
        let limits = Arc::new(Limits::new(config.limits));
        let metadata = config.peers.uri(Audience::Metadata).map_err(upstream::Error::from)?;
        let channel = rpc::channel(metadata, &minter, Audience::Metadata)?;
        let sessions = Arc::new(Sessions::new(channel, limits.clone(), Arc::new(SystemClock)));
        let checks = checks(config, &upstreams)?;
        let shutdown = Shutdown::new();
        let open = rpc::open_services(checks.clone(), shutdown.clone(), Some(public_services()))?;
        let folder = config.pages.dir.as_deref();
        let no_pages = |source| Error::Pages(folder.map(Into::into).unwrap_or_default(), source);
        let pages = pages::router(folder).map_err(no_pages)?;
        let address = config.service.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| Error::Bind(address, source))?;
        let gateway = Arc::new(Gateway { sessions, limits, upstreams, verifier, shutdown });
        Ok(Self { listener, gateway, checks, open, pages, telemetry })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`, then drains: open streams are ended cleanly.
    pub async fn run(self, shutdown: Shutdown) {
        let draining = self.gateway.shutdown.clone();
        let limits = self.gateway.limits.clone();
        let metrics = self.telemetry.as_ref().map(|handle| handle.metrics.clone());
        let part = self.telemetry.map(|handle| Part::new(handle, self.gateway.verifier.clone()));
        let doors = Doors { gateway: self.gateway, open: self.open, part };
        let router = Router::new()
            .merge(documents::router())
            .merge(self.pages)
            .merge(rpc::probes(self.checks, draining.clone(), metrics))
            .fallback(enter)
            .with_state(doors)
            .layer(middleware::from_fn_with_state(limits, edge::edge));
        let served = serve(NAME, self.listener, router, PortLimits::default(), shutdown.clone());
        let drain = async {
            shutdown.cancelled().await;
            draining.cancel();
        };
        tokio::join!(served, drain);
    }
}

#[derive(Clone)]
struct Doors {
    gateway: Arc<Gateway>,
    open: Router,
    part: Option<Part>,
}

async fn enter(State(doors): State<Doors>, request: Request) -> Response {
    let path = request.uri().path();
    if let Some(part) = doors.part.filter(|part| part.is_meant(path, request.headers())) {
        return part.answer(request).await;
    }
    match Door::of(path, request.headers()) {
        Door::Grpc if path.starts_with("/grpc.") => match doors.gateway.limits.open_stream() {
            Ok(permit) => doors.open.oneshot(request).await.into_response().map(|body| permit.held_by(body)),
            Err(failure) => edge::refuse(Door::Grpc, failure),
        },
        Door::Grpc => proxy::grpc(&doors.gateway, request).await,
        Door::Git => proxy::git(&doors.gateway, request).await.unwrap_or_else(IntoResponse::into_response),
        Door::Probe | Door::Rest if path.starts_with("/api/") => rest::answer(&doors.gateway, request).await,
        Door::Probe | Door::Rest => Problem::no_route().into_response(),
    }
}

fn name() -> Name {
    NAME.parse().expect("a DNS label")
}

/// Ready means that every peer behind it is alive.
fn checks(config: &Config, upstreams: &Upstreams) -> Result<Checks, Error> {
    let mut checks = Checks::default();
    for peer in Audience::ALL.into_iter().filter(|peer| *peer != Audience::Gateway) {
        let base = config.peers.uri(peer).map_err(upstream::Error::from)?.to_owned();
        let http = upstreams.http().clone();
        checks.add(peer.as_str(), move || upstream::alive(http.clone(), base.clone()));
    }
    Ok(checks)
}

/// Services that have an RPC for others than services: what reflection lists.
fn public_services() -> Vec<String> {
    let mut names: Vec<_> = rules::methods()
        .filter(|method| !matches!(rules::of_method(method), None | Some(Rule::Service)))
        .map(|method| method.parent_service().full_name().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}
