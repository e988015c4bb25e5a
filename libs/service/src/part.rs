//! What every process of the platform answers about itself to other services:
//! `katonic.part.v1.PartService`, the same everywhere.
//!
//! It keeps nothing: what was changed ends with the process.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use katonic_bus::{Depth, Parked, ParkedMessage, Which};
use katonic_proto::{
    part::v1::{self as pb, part_service_server::PartService},
    time::timestamp,
};
use tonic::{Request, Response, Status};

pub use katonic_proto::part::v1::part_service_server::PartServiceServer;

use crate::{
    auth, fields,
    rpc::to_status,
    telemetry::{LogLevel, LogLevelState},
};

/// For how long a log level holds where nobody said.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);
/// For how long one may hold.
const LIFETIMES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);

/// The service.
#[derive(Clone)]
pub struct PartHandlers {
    /// How the process logs.
    pub log_level: LogLevel,
    /// What it could not handle, where it consumes.
    pub parked: Option<Arc<Parked>>,
    /// What its store tells, where it has one.
    pub stored: Option<Stored>,
}

/// Asks a part's store what waits in it and who leads; empty where it does not answer.
pub type Stored = Arc<dyn Fn() -> BoxFuture<'static, (Vec<pb::Outbox>, Vec<pb::Lease>)> + Send + Sync>;

#[tonic::async_trait]
impl PartService for PartHandlers {
    async fn get_log_level(
        &self,
        request: Request<pb::GetLogLevelRequest>,
    ) -> Result<Response<pb::GetLogLevelResponse>, Status> {
        auth::service(&request)?;
        let log_level = Some(log_level(self.log_level.state()));
        Ok(Response::new(pb::GetLogLevelResponse { log_level }))
    }

    async fn set_log_level(
        &self,
        request: Request<pb::SetLogLevelRequest>,
    ) -> Result<Response<pb::SetLogLevelResponse>, Status> {
        let caller = auth::service(&request)?;
        let pb::SetLogLevelRequest { filter, lifetime } = request.into_inner();
        let lifetime = lifetime_of(lifetime)?;
        let changed = if filter.is_empty() {
            self.log_level.restore()
        } else {
            self.log_level.set(fields::parse("filter", &filter)?, lifetime)
        };
        let state = changed.map_err(|error| to_status(&error))?;
        tracing::info!(%caller, filter = state.filter.as_str(), "the log level was changed");
        Ok(Response::new(pb::SetLogLevelResponse { log_level: Some(log_level(state)) }))
    }

    async fn describe(&self, request: Request<pb::DescribeRequest>) -> Result<Response<pb::DescribeResponse>, Status> {
        auth::service(&request)?;
        let (outboxes, leases) = match &self.stored {
            Some(stored) => stored().await,
            None => (Vec::new(), Vec::new()),
        };
        let consumers = self.consumers().await;
        Ok(Response::new(pb::DescribeResponse { outboxes, leases, consumers }))
    }

    async fn list_parked_messages(
        &self,
        request: Request<pb::ListParkedMessagesRequest>,
    ) -> Result<Response<pb::ListParkedMessagesResponse>, Status> {
        auth::service(&request)?;
        let pb::ListParkedMessagesRequest { message_id, limit } = request.into_inner();
        let limit = parked_limit(limit)?;
        let one = !message_id.is_empty();
        let which = if one { Which::Id(message_id) } else { Which::All };
        let found = match &self.parked {
            Some(parked) => parked.list(&which, limit).await.map_err(|error| to_status(&error))?,
            None => Vec::new(),
        };
        let messages = found.into_iter().map(|message| parked_message(message, one)).collect();
        Ok(Response::new(pb::ListParkedMessagesResponse { messages }))
    }

    async fn redrive_parked_messages(
        &self,
        request: Request<pb::RedriveParkedMessagesRequest>,
    ) -> Result<Response<pb::RedriveParkedMessagesResponse>, Status> {
        auth::service(&request)?;
        let pb::RedriveParkedMessagesRequest { message_id, all } = request.into_inner();
        let which = which(message_id, all)?;
        let count = match &self.parked {
            Some(parked) => parked.redrive(&which).await.map_err(|error| to_status(&error))?,
            None => 0,
        };
        Ok(Response::new(pb::RedriveParkedMessagesResponse { count }))
    }

    async fn drop_parked_messages(
        &self,
        request: Request<pb::DropParkedMessagesRequest>,
    ) -> Result<Response<pb::DropParkedMessagesResponse>, Status> {
        auth::service(&request)?;
        let pb::DropParkedMessagesRequest { message_id, all } = request.into_inner();
        let which = which(message_id, all)?;
        let count = match &self.parked {
            Some(parked) => parked.discard(&which).await.map_err(|error| to_status(&error))?,
            None => 0,
        };
        Ok(Response::new(pb::DropParkedMessagesResponse { count }))
    }
}

impl PartHandlers {
    /// Nothing where the broker does not answer: the rest is worth telling.
    async fn consumers(&self) -> Vec<pb::Consumer> {
        let Some(parked) = &self.parked else { return Vec::new() };
        let depths = parked.depths().await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "queues cannot be counted");
            Vec::new()
        });
        depths.into_iter().map(consumer).collect()
    }
}

fn consumer(depth: Depth) -> pb::Consumer {
    let (waiting, parked) = depth.messages.unwrap_or_default();
    pb::Consumer { queue: depth.queue, waiting, parked, missing: depth.messages.is_none() }
}

/// One of the two, so that nobody takes all by leaving something out.
fn which(message_id: String, all: bool) -> Result<Which, Status> {
    match (message_id.is_empty(), all) {
        (true, true) => Ok(Which::All),
        (false, false) => Ok(Which::Id(message_id)),
        _ => Err(fields::invalid("message_id", "is to be set, or `all`, and not both")),
    }
}

fn parked_limit(limit: i32) -> Result<usize, Status> {
    match usize::try_from(limit) {
        Ok(0) => Ok(50),
        Ok(limit) if limit <= 200 => Ok(limit),
        _ => Err(fields::invalid("limit", "is not between 1 and 200")),
    }
}

fn parked_message(message: ParkedMessage, with_body: bool) -> pb::ParkedMessage {
    pb::ParkedMessage {
        queue: message.queue,
        message_id: message.id,
        routing_key: message.routing_key,
        reason: message.reason,
        park_time: message.parked_at.map(timestamp),
        attempts: message.attempts,
        traceparent: message.traceparent.unwrap_or_default(),
        size_bytes: u64::try_from(message.bytes).unwrap_or(u64::MAX),
        body: if with_body { message.body } else { String::new() },
    }
}

fn lifetime_of(wire: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let lifetime = wire.map_or(Ok(DEFAULT_LIFETIME), Duration::try_from).ok();
    let lifetime = lifetime.filter(|lifetime| LIFETIMES.contains(lifetime));
    lifetime.ok_or_else(|| fields::invalid("lifetime", "is not between 1 s and 24 h"))
}

fn log_level(state: LogLevelState) -> pb::LogLevel {
    pb::LogLevel {
        filter: state.filter.into(),
        configured_filter: state.configured.into(),
        restore_time: state.restore.map(timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_messages_are_named_or_meant_all_and_never_both() {
        assert_eq!(which("a".to_owned(), false).ok(), Some(Which::Id("a".to_owned())));
        assert_eq!(which(String::new(), true).ok(), Some(Which::All));
        assert!(which(String::new(), false).is_err() && which("a".to_owned(), true).is_err());
    }

    #[test]
    fn lifetimes_have_bounds_and_a_default() {
        let wire = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        assert_eq!(lifetime_of(None).ok(), Some(Duration::from_secs(600)));
        assert_eq!(lifetime_of(wire(86_400)).ok(), Some(Duration::from_secs(86_400)));
        for bad in [wire(0), wire(-1), wire(86_401)] {
            assert!(lifetime_of(bad).is_err(), "{bad:?} was taken");
        }
    }
}
