//! The gateway, as gRPC: one channel, the token and a trace on every call.
//!
//! Unary calls have a deadline and are repeated while the platform is away
//! (`Client::call`): reads by nature, creates by their Idempotency-Key. The
//! channel connects when first used and reconnects by itself, so a restarted
//! gateway is only ever seen as a call that has to be made again.

use std::{future::Future, time::Duration};

use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Uri},
};
use uuid::Uuid;

use crate::{backoff::Backoff, config::Endpoint, rpc_error::Error};

mod calls;

/// Deadline of a unary call.
const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// How long calls are repeated while the platform cannot be reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// A page of a log ends at 1 MiB, its last line may add some.
const MESSAGE_CAP: usize = 16 << 20;

/// What carries a call.
pub type Transport = InterceptedService<Channel, Headers>;

/// Puts the token and the trace on every call.
#[derive(Clone)]
pub struct Headers {
    authorization: MetadataValue<Ascii>,
    traceparent: MetadataValue<Ascii>,
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.authorization.clone());
        metadata.insert("traceparent", self.traceparent.clone());
        Ok(request)
    }
}

/// A gateway to call.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
    transport: Transport,
}

impl Client {
    /// A client of `endpoint`; connects with the first call.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let misconfigured = || Error::Misconfigured(endpoint.url().to_owned());
        let uri: Uri = endpoint.url().parse().map_err(|_| misconfigured())?;
        let channel = Channel::builder(uri)
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20))
            .tcp_nodelay(true)
            .user_agent(concat!("katonic/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| misconfigured())?
            .connect_lazy();
        let headers = Headers {
            authorization: endpoint.token().bearer().parse().map_err(|_| misconfigured())?,
            traceparent: traceparent().parse().map_err(|_| misconfigured())?,
        };
        Ok(Self { transport: InterceptedService::new(channel, headers), endpoint })
    }

    /// Where it calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes a unary call that may be made more than once, again while the
    /// platform is away for a moment.
    async fn call<M, R, F>(&self, message: M, mut make: impl FnMut(Request<M>) -> F) -> Result<R, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let mut backoff = Backoff::lasting(PATIENCE);
        loop {
            let error = match make(with_deadline(message.clone())).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => Error::new(self.endpoint.url(), &status),
            };
            match error.is_transient().then(|| backoff.delay()).flatten() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(error),
            }
        }
    }

    /// Makes a creating call: every repetition carries the same Idempotency-Key.
    async fn create<M, R, F>(
        &self,
        key: IdempotencyKey,
        message: M,
        mut make: impl FnMut(Request<M>) -> F,
    ) -> Result<R, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        self.call(message, |mut request| {
            if let Ok(value) = key.0.to_string().parse() {
                request.metadata_mut().insert("idempotency-key", value);
            }
            make(request)
        })
        .await
    }
}

/// Names one wish to create something, however often it is sent.
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyKey(Uuid);

impl IdempotencyKey {
    /// A key of its own.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

fn with_deadline<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_DEADLINE);
    request
}

/// A sampled W3C trace that starts here: one per command.
fn traceparent() -> String {
    // All-zero ids are invalid; `| 1` rules them out.
    let (trace, span) = (rand::random::<u128>() | 1, rand::random::<u64>() | 1);
    format!("00-{trace:032x}-{span:016x}-01")
}
