//! What every process of the platform answers about itself to other services:
//! `katonic.part.v1.PartService`, the same everywhere.
//!
//! It keeps nothing: what was changed ends with the process.

use std::time::Duration;

use katonic_domain::Timestamp;
use katonic_proto::part::v1::{self as pb, part_service_server::PartService};
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
#[derive(Debug, Clone)]
pub struct PartHandlers {
    /// How the process logs.
    pub log_level: LogLevel,
}

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

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
