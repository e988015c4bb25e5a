//! What administrators ask about the running platform.

use katonic_proto::{
    metadata::v1::{self as pb, operations_service_server::OperationsService},
    part::v1 as part,
};
use katonic_service::auth;
use tonic::{Request, Response, Status};

use super::{administrator, status};
use crate::clients::parts::Parts;

/// The service.
pub struct OperationsHandlers {
    /// The parts of the platform.
    pub parts: Parts,
}

#[tonic::async_trait]
impl OperationsService for OperationsHandlers {
    async fn get_log_level(
        &self,
        request: Request<pb::GetLogLevelRequest>,
    ) -> Result<Response<pb::GetLogLevelResponse>, Status> {
        administrator(&auth::user(&request, "part.read")?)?;
        let name = request.into_inner().part;
        let level = self.parts.named(&name).map_err(status)?.log_level().await?;
        Ok(Response::new(pb::GetLogLevelResponse { log_level: Some(log_level(name, level)) }))
    }

    async fn set_log_level(
        &self,
        request: Request<pb::SetLogLevelRequest>,
    ) -> Result<Response<pb::SetLogLevelResponse>, Status> {
        let user = auth::user(&request, "part.configure")?;
        administrator(&user)?;
        let pb::SetLogLevelRequest { part: name, filter, lifetime } = request.into_inner();
        let wanted = part::SetLogLevelRequest { filter, lifetime };
        let level = self.parts.named(&name).map_err(status)?.set_log_level(wanted).await?;
        tracing::info!(user.id = %user.id, part = name, filter = level.filter, "a log level was changed");
        Ok(Response::new(pb::SetLogLevelResponse { log_level: Some(log_level(name, level)) }))
    }
}

fn log_level(part: String, level: part::LogLevel) -> pb::PartLogLevel {
    let part::LogLevel { filter, configured_filter, restore_time } = level;
    pb::PartLogLevel { part, filter, configured_filter, restore_time }
}
