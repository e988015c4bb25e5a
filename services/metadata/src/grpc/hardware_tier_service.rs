//! What users ask about hardware tiers.

use katonic_domain::Name;
use katonic_proto::{
    envelope::Envelope,
    json,
    metadata::v1::{self as pb, hardware_tier_service_server::HardwareTierService},
};
use katonic_service::{auth, fields, idempotency};
use tonic::{Request, Response, Status};

use super::{administrator, idempotency_of, status};
use crate::{
    domain::tier::{Seed, Size, TierChange},
    snapshot,
    usecases::tiers::Tiers,
};

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
        let retired = request.get_ref().include_retired;
        let tiers = self.tiers.all().await.map_err(status)?;
        let shown = tiers.iter().filter(|stored| retired || !stored.state.is_retired());
        let tiers = shown.map(|stored| snapshot::tier(&stored.state)).collect();
        Ok(Response::new(pb::ListHardwareTiersResponse { tiers }))
    }

    async fn get_hardware_tier(
        &self,
        request: Request<pb::GetHardwareTierRequest>,
    ) -> Result<Response<pb::GetHardwareTierResponse>, Status> {
        auth::user(&request, "tier.list")?;
        let name: Name = fields::parse("tier", &request.get_ref().tier)?;
        let tier = match request.get_ref().revision {
            0 => snapshot::tier(&self.tiers.named(&name).await.map_err(status)?.state),
            revision => past(&self.tiers.revision(&name, revision).await.map_err(status)?.body)?,
        };
        Ok(Response::new(pb::GetHardwareTierResponse { tier: Some(tier) }))
    }

    async fn create_hardware_tier(
        &self,
        request: Request<pb::CreateHardwareTierRequest>,
    ) -> Result<Response<pb::CreateHardwareTierResponse>, Status> {
        administrator(&auth::user(&request, "tier.create")?)?;
        let idempotency = idempotency_of(&request)?;
        let request = request.into_inner();
        let seed = Seed {
            name: fields::parse("name", &request.name)?,
            default: request.default,
            size: Size {
                cpu_millis: request.cpu_millis,
                memory_bytes: request.memory_bytes,
                max_running: request.max_running,
                price_micros_per_hour: request.price_micros_per_hour,
                currency: request.currency,
            },
        };
        let made = self.tiers.create(seed, idempotency).await.map_err(status)?;
        let tier = Some(snapshot::tier(&made.stored.state));
        let mut response = Response::new(pb::CreateHardwareTierResponse { tier });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn update_hardware_tier(
        &self,
        request: Request<pb::UpdateHardwareTierRequest>,
    ) -> Result<Response<pb::UpdateHardwareTierResponse>, Status> {
        administrator(&auth::user(&request, "tier.update")?)?;
        let request = request.into_inner();
        let name: Name = fields::parse("tier", &request.tier)?;
        let set = [
            ("cpu_millis", request.cpu_millis != 0),
            ("memory_bytes", request.memory_bytes != 0),
            ("max_running", request.max_running != 0),
            ("default", request.default),
            ("price_micros_per_hour", request.price_micros_per_hour != 0),
            ("currency", !request.currency.is_empty()),
        ];
        let changed = fields::mask("update_mask", request.update_mask.as_ref(), &set)?;
        if changed.contains("default") && !request.default {
            return Err(fields::invalid("default", "is given up by making another tier the default"));
        }
        let is = |field: &str| changed.contains(field);
        let change = TierChange {
            cpu_millis: is("cpu_millis").then_some(request.cpu_millis),
            memory_bytes: is("memory_bytes").then_some(request.memory_bytes),
            max_running: is("max_running").then_some(request.max_running),
            price_micros_per_hour: is("price_micros_per_hour").then_some(request.price_micros_per_hour),
            currency: is("currency").then_some(request.currency),
            default: is("default"),
        };
        let updated = self.tiers.update(&name, &request.etag, &change).await.map_err(status)?;
        let tier = Some(snapshot::tier(&updated.state));
        Ok(Response::new(pb::UpdateHardwareTierResponse { tier }))
    }

    async fn retire_hardware_tier(
        &self,
        request: Request<pb::RetireHardwareTierRequest>,
    ) -> Result<Response<pb::RetireHardwareTierResponse>, Status> {
        administrator(&auth::user(&request, "tier.retire")?)?;
        let name: Name = fields::parse("tier", &request.get_ref().tier)?;
        let retired = self.tiers.retire(&name).await.map_err(status)?;
        let tier = Some(snapshot::tier(&retired.state));
        Ok(Response::new(pb::RetireHardwareTierResponse { tier }))
    }
}

/// A tier as one of its events had it; one that does not read is a fault of ours.
fn past(event: &str) -> Result<pb::HardwareTier, Status> {
    let fault = || Status::internal("a stored event cannot be read");
    let envelope: Envelope = serde_json::from_str(event).map_err(|_| fault())?;
    json::from_value(envelope.data).map_err(|_| fault())
}
