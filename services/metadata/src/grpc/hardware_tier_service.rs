//! What users ask about hardware tiers.

use katonic_proto::metadata::v1::{self as pb, hardware_tier_service_server::HardwareTierService};
use katonic_service::auth;
use tonic::{Request, Response, Status};

use crate::{domain::tier::Tiers, snapshot};

/// The service.
pub struct TierHandlers {
    /// All there are.
    pub tiers: Tiers,
}

#[tonic::async_trait]
impl HardwareTierService for TierHandlers {
    async fn list_hardware_tiers(
        &self,
        request: Request<pb::ListHardwareTiersRequest>,
    ) -> Result<Response<pb::ListHardwareTiersResponse>, Status> {
        auth::user(&request, "tier.list")?;
        let tiers = self.tiers.all().iter().map(snapshot::tier).collect();
        Ok(Response::new(pb::ListHardwareTiersResponse { tiers }))
    }
}
