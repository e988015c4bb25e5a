//! `AggregateService`, the same for every owner: shows those who project its
//! aggregates what they missed. It only reads.

use std::sync::Arc;

use futures::{StreamExt as _, stream::BoxStream};
use katonic_proto::{
    aggregate::v1::{
        AggregateVersion, ListAggregateEventsRequest, ListAggregateEventsResponse, WalkAggregatesRequest,
        WalkAggregatesResponse,
        aggregate_service_server::{AggregateService, AggregateServiceServer},
    },
    aggregates::{Aggregates, Error, Standing},
};
use tonic::{Request, Response, Status};

use crate::{auth, fields, rpc::to_status};

/// 50 events of at most 64 KiB stay below the 4 MiB that a client decodes.
const EVENTS: usize = 50;
/// A standing takes some 40 bytes.
const PORTION: usize = 1_000;

/// The RPCs over some entities of an owner.
pub fn service(shown: Vec<Arc<dyn Aggregates>>) -> AggregateServiceServer<Shown> {
    AggregateServiceServer::new(Shown(shown))
}

/// What an owner shows.
pub struct Shown(Vec<Arc<dyn Aggregates>>);

impl Shown {
    fn of(&self, entity: &str) -> Result<&Arc<dyn Aggregates>, Status> {
        let found = self.0.iter().find(|shown| shown.entity() == entity);
        found.ok_or_else(|| fields::invalid("entity", "is none of this owner's"))
    }
}

#[tonic::async_trait]
impl AggregateService for Shown {
    async fn list_aggregate_events(
        &self,
        request: Request<ListAggregateEventsRequest>,
    ) -> Result<Response<ListAggregateEventsResponse>, Status> {
        auth::service(&request)?;
        let ListAggregateEventsRequest { entity, aggregate_id, after, page_size } = request.into_inner();
        let limit = fields::page_size(page_size, EVENTS)?.min(EVENTS);
        let events = self.of(&entity)?.events(&aggregate_id, after, limit).await.map_err(status)?;
        Ok(Response::new(ListAggregateEventsResponse { events }))
    }

    type WalkAggregatesStream = BoxStream<'static, Result<WalkAggregatesResponse, Status>>;

    async fn walk_aggregates(
        &self,
        request: Request<WalkAggregatesRequest>,
    ) -> Result<Response<Self::WalkAggregatesStream>, Status> {
        auth::service(&request)?;
        let portions = self.of(&request.get_ref().entity)?.walk(PORTION);
        Ok(Response::new(portions.map(|portion| portion.map(answer).map_err(status)).boxed()))
    }
}

fn answer(portion: Vec<Standing>) -> WalkAggregatesResponse {
    let aggregates =
        portion.into_iter().map(|Standing { id, version }| AggregateVersion { aggregate_id: id, version }).collect();
    WalkAggregatesResponse { aggregates }
}

fn status(error: Error) -> Status {
    to_status(&*error)
}
