//! What people ask about schedules.

use katonic_domain::{ProjectId, ScheduleId, Timestamp};
use katonic_proto::{
    dispatcher::v1::{self as pb, schedule_service_server::ScheduleService},
    time::timestamp,
};
use katonic_service::{auth, fields, idempotency};
use katonic_store::Stored;
use tonic::{Request, Response, Status};

use crate::{
    domain::schedule::Schedule,
    grpc::{
        convert::{status, stored_key},
        schedule,
    },
    snapshot,
    usecases::schedules::Schedules,
};

const DEFAULT_SCHEDULES: usize = 50;
const NEXT_TICKS: usize = 10;

/// The service.
pub struct ScheduleHandlers {
    /// Keeps them.
    pub schedules: Schedules,
}

impl ScheduleHandlers {
    async fn find<T>(
        &self,
        request: &Request<T>,
        action: &'static str,
        id: &str,
    ) -> Result<(auth::User, Stored<Schedule>), Status> {
        let user = auth::user(request, action)?;
        let id: ScheduleId = fields::parse("schedule_id", id)?;
        let stored = self.schedules.find(user.id, action, id).await.map_err(status)?;
        Ok((user, stored))
    }

    /// With the times at which it is due next.
    fn shown(&self, schedule: &Schedule) -> pb::Schedule {
        let now: Timestamp = self.schedules.clock.now();
        let next = schedule.plan.timetable.after(now).take(NEXT_TICKS);
        let next_ticks = if schedule.is_active() { next.map(timestamp).collect() } else { Vec::new() };
        pb::Schedule { next_ticks, ..snapshot::schedule(schedule) }
    }
}

#[tonic::async_trait]
impl ScheduleService for ScheduleHandlers {
    async fn create_schedule(
        &self,
        request: Request<pb::CreateScheduleRequest>,
    ) -> Result<Response<pb::CreateScheduleResponse>, Status> {
        let user = auth::user(&request, "execution.launch")?;
        let key = idempotency::read(&request)?.map(stored_key);
        let request = request.into_inner();
        let project: ProjectId = fields::parse("project_id", &request.project_id)?;
        self.schedules.metadata.check(user.id, "execution.launch", project).await.map_err(status)?;
        let plan = schedule::plan(request)?;
        let made = self.schedules.create(user.id, project, plan, key).await.map_err(status)?;
        let schedule = Some(self.shown(&made.stored.state));
        let mut response = Response::new(pb::CreateScheduleResponse { schedule });
        idempotency::mark_replayed(&mut response, made.replayed);
        Ok(response)
    }

    async fn list_schedules(
        &self,
        request: Request<pb::ListSchedulesRequest>,
    ) -> Result<Response<pb::ListSchedulesResponse>, Status> {
        let user = auth::user(&request, "execution.list")?;
        let request = request.into_inner();
        let project: ProjectId = fields::parse("project_id", &request.project_id)?;
        let size = fields::page_size(request.page_size, DEFAULT_SCHEDULES)?;
        let below = fields::place("page_token", &request.page_token)?;
        let page = self.schedules.page(user.id, project, below, size).await.map_err(status)?;
        Ok(Response::new(pb::ListSchedulesResponse {
            schedules: page.items.iter().map(|stored| snapshot::schedule(&stored.state)).collect(),
            next_page_token: page.next.map(fields::token).unwrap_or_default(),
        }))
    }

    async fn get_schedule(
        &self,
        request: Request<pb::GetScheduleRequest>,
    ) -> Result<Response<pb::GetScheduleResponse>, Status> {
        let (_, stored) = self.find(&request, "execution.read", &request.get_ref().schedule_id).await?;
        Ok(Response::new(pb::GetScheduleResponse { schedule: Some(self.shown(&stored.state)) }))
    }

    async fn update_schedule(
        &self,
        request: Request<pb::UpdateScheduleRequest>,
    ) -> Result<Response<pb::UpdateScheduleResponse>, Status> {
        let (user, stored) = self.find(&request, "execution.launch", &request.get_ref().schedule_id).await?;
        let request = request.into_inner();
        let etag = request.etag.clone();
        let plan = schedule::changed(&stored.state.plan, request)?;
        let updated = self.schedules.update(user.id, &stored.state, &plan, &etag).await.map_err(status)?;
        Ok(Response::new(pb::UpdateScheduleResponse { schedule: Some(self.shown(&updated.state)) }))
    }

    async fn delete_schedule(
        &self,
        request: Request<pb::DeleteScheduleRequest>,
    ) -> Result<Response<pb::DeleteScheduleResponse>, Status> {
        let user = auth::user(&request, "execution.launch")?;
        let id: ScheduleId = fields::parse("schedule_id", &request.get_ref().schedule_id)?;
        self.schedules.delete(user.id, id).await.map_err(status)?;
        Ok(Response::new(pb::DeleteScheduleResponse {}))
    }
}
