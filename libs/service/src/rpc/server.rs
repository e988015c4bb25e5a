//! The one gRPC server: one port with gRPC, its health and reflection, and
//! HTTP/1 `/healthz`, `/readyz`, `/metrics`.
//!
//! ```text
//!  connection ─> trace, count, limit, drain ─> auth::Layer ─> service
//!            └─> /healthz /readyz /metrics, further HTTP routes
//! ```

use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Json, Router, middleware, response::IntoResponse, routing::get};
use futures::FutureExt;
use http::StatusCode;
use katonic_bus::Parked;
use katonic_proto::part::v1 as pb;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::Semaphore};
use tonic::{body::Body, server::NamedService, service::RoutesBuilder};
use tonic_health::pb::health_server::HealthServer;
use tower::Service;

use super::{
    health::{Checks, HealthService},
    trace::{self, Calls},
};
use crate::{
    auth,
    http::{Limits, serve},
    part::{self, PartHandlers, PartServiceServer},
    runtime::Shutdown,
    telemetry,
};

/// Calls whose handlers run at once; beyond, callers are told to come later.
/// A handler holds some 50 KiB: 1,024 of them stay below 64 MiB.
const IN_FLIGHT: usize = 1_024;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken or not ours to take.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The contracts cannot be reflected.
    #[error("reflection cannot be served")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A server that is bound but does not serve yet.
pub struct Server {
    name: &'static str,
    listener: TcpListener,
    routes: RoutesBuilder,
    extra: Router,
    checks: Checks,
    telemetry: Option<telemetry::Handle>,
    parked: Option<Arc<Parked>>,
    stored: Option<part::Stored>,
    limits: Limits,
}

impl Server {
    /// Binds the port; port 0 takes a free one. `name` is the service's, such as `metadata`.
    ///
    /// # Errors
    /// [`ServerError::Bind`].
    pub async fn bind(name: &'static str, address: SocketAddr) -> Result<Self, ServerError> {
        let listener = TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self {
            name,
            listener,
            routes: RoutesBuilder::default(),
            extra: Router::new(),
            checks: Checks::default(),
            telemetry: None,
            parked: None,
            stored: None,
            limits: Limits::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Adds a gRPC service. Set message size caps on it before (tonic decodes
    /// at most 4 MiB unless told).
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self
    }

    /// Adds HTTP routes that do their own authentication, such as Git's.
    #[must_use]
    pub fn http(mut self, routes: Router) -> Self {
        self.extra = self.extra.merge(routes);
        self
    }

    /// Adds a condition of being ready: whether what it is named after answers.
    #[must_use]
    pub fn ready_when<F, R>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        self.checks.add(name, check);
        self
    }

    /// Serves `/metrics` and `PartService` for the process with this telemetry.
    #[must_use]
    pub fn telemetry(mut self, handle: telemetry::Handle) -> Self {
        self.telemetry = Some(handle);
        self
    }

    /// Lets `PartService` show what the process could not handle of what it consumes.
    #[must_use]
    pub fn parked(mut self, parked: Parked) -> Self {
        self.parked = Some(Arc::new(parked));
        self
    }

    /// Lets `PartService` tell what waits in the process's store, and who leads there.
    #[must_use]
    pub fn stored<F, R>(mut self, ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = (Vec<pb::Outbox>, Vec<pb::Lease>)> + Send + 'static,
    {
        self.stored = Some(Arc::new(move || ask().boxed()));
        self
    }

    /// How long open calls may take to end once the process should: 10 s
    /// unless told.
    #[must_use]
    pub fn drain_within(mut self, deadline: Duration) -> Self {
        self.limits.drain = deadline;
        self
    }

    /// Serves until `shutdown`, then drains. Every RPC passes `auth`.
    ///
    /// # Errors
    /// [`ServerError::Reflection`].
    pub async fn serve(mut self, auth: auth::Layer, shutdown: Shutdown) -> Result<(), ServerError> {
        let metrics = self.telemetry.map(|handle| {
            let part = PartHandlers { log_level: handle.log_level, parked: self.parked, stored: self.stored };
            self.routes.add_service(PartServiceServer::new(part));
            handle.metrics
        });
        let open = open_services(self.checks.clone(), shutdown.clone(), None)?;
        let calls = Arc::new(Calls {
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            shutdown: shutdown.clone(),
            seconds: format!("katonic_{}_rpc_seconds", self.name.replace('-', "_")).into(),
        });
        let grpc = self
            .routes
            .routes()
            .into_axum_router()
            .layer(auth)
            .merge(open)
            .layer(middleware::from_fn_with_state(calls, trace::calls));
        let router = self.extra.merge(probes(self.checks, shutdown.clone(), metrics)).fallback_service(grpc);
        serve(self.name, self.listener, router, self.limits, shutdown).await;
        Ok(())
    }
}

/// gRPC's own services: health over `checks`, and reflection of the contracts,
/// listing only the services named in `listed` where given. They are open.
///
/// # Errors
/// A descriptor set that does not decode.
pub fn open_services(checks: Checks, shutdown: Shutdown, listed: Option<Vec<String>>) -> Result<Router, ServerError> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(katonic_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let builder = listed.into_iter().flatten().fold(builder, tonic_reflection::server::Builder::with_service_name);
    let mut routes = RoutesBuilder::default();
    routes.add_service(HealthServer::new(HealthService { checks, shutdown }));
    routes.add_service(builder.build_v1()?);
    // The router that this is merged into says what happens to other paths.
    Ok(routes.routes().into_axum_router().reset_fallback())
}

/// `PartService` alone, for a process whose other calls pass elsewhere.
pub fn part_service(handle: telemetry::Handle, auth: auth::Layer) -> Router {
    let mut routes = RoutesBuilder::default();
    routes.add_service(PartServiceServer::new(PartHandlers {
        log_level: handle.log_level,
        parked: None,
        stored: None,
    }));
    routes.routes().into_axum_router().layer(auth)
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn probes<S: Clone + Send + Sync + 'static>(
    checks: Checks,
    shutdown: Shutdown,
    metrics: Option<PrometheusHandle>,
) -> Router<S> {
    let health = HealthService { checks, shutdown };
    let ready = move || {
        let health = health.clone();
        async move {
            let readiness = health.readiness().await;
            let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(readiness))
        }
    };
    let exposition = move || {
        let text = metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default();
        async move { text }
    };
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposition))
}
