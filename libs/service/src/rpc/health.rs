//! Health that tells the truth: every question runs the checks.
//!
//! `/healthz` says that the process is alive, nothing more. `/readyz` and
//! `grpc.health.v1` say whether what it needs answers, and become false when
//! it drains.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all, stream::BoxStream};
use serde::Serialize;
use tokio::time::timeout;
use tokio_stream::wrappers::IntervalStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
};

use crate::runtime::Shutdown;

/// A check that has not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a watcher of `grpc.health.v1` has the checks run.
const WATCH_EVERY: Duration = Duration::from_secs(1);

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// The named things that must answer for the service to be ready.
#[derive(Clone, Default)]
pub struct Checks(BTreeMap<&'static str, Check>);

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether all of them passed.
    pub ready: bool,
    /// Whether each of them passed.
    pub checks: BTreeMap<&'static str, bool>,
}

impl Checks {
    /// Adds a check: whether what it is named after answers.
    pub fn add<F, R>(&mut self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        self.0.insert(name, Arc::new(move || Box::pin(check())));
    }

    /// Runs them all at once.
    pub async fn run(&self) -> Readiness {
        let runs = self
            .0
            .iter()
            .map(|(name, check)| async move { (*name, timeout(PATIENCE, check()).await.unwrap_or(false)) });
        let checks: BTreeMap<_, _> = join_all(runs).await.into_iter().collect();
        Readiness { ready: checks.values().all(|passed| *passed), checks }
    }
}

/// `grpc.health.v1` over the same checks; every service name has one answer.
#[derive(Debug, Clone)]
pub(super) struct HealthService {
    pub(super) checks: Checks,
    pub(super) shutdown: Shutdown,
}

impl HealthService {
    pub(super) async fn readiness(&self) -> Readiness {
        let mut readiness = self.checks.run().await;
        readiness.ready &= !self.shutdown.is_cancelled();
        readiness
    }

    async fn answer(&self) -> HealthCheckResponse {
        let status = if self.readiness().await.ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        HealthCheckResponse { status: status.into() }
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(self.answer().await))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let service = self.clone();
        let answers = IntervalStream::new(tokio::time::interval(WATCH_EVERY)).then(move |_| {
            let service = service.clone();
            async move { service.answer().await }
        });
        let changes = answers.scan(None, |last, answer| {
            let changed = last.replace(answer) != Some(answer);
            async move { Some(changed.then_some(answer)) }
        });
        Ok(Response::new(changes.filter_map(|change| async move { change.map(Ok) }).boxed()))
    }
}
