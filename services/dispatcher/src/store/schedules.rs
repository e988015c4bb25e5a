//! Schedules as the store has them.

use katonic_domain::{ProjectId, ScheduleId};
use katonic_store::{Collection, Page, StoreError, Stored, Walk, doc};

use super::Repository;
use crate::{
    domain::{execution::Number, schedule::Schedule},
    error::Error,
};

/// More than an installation has.
const MAX_ACTIVE: usize = 100_000;

impl Repository {
    /// Schedules.
    pub const fn schedules(&self) -> &Collection<Schedule> {
        &self.schedules
    }

    /// One schedule that was not taken away.
    pub async fn schedule(&self, id: ScheduleId) -> Result<Stored<Schedule>, Error> {
        let stored = self.schedules.get(&id).await?.filter(|stored| stored.state.deleted_at.is_none());
        stored.ok_or(Error::NoSchedule)
    }

    /// Those that launch something.
    pub async fn active_schedules(&self) -> Result<Vec<Stored<Schedule>>, StoreError> {
        let filter = doc! {"state.deleted_at": null, "state.plan.paused": false};
        self.schedules.find(filter, doc! {}, MAX_ACTIVE).await
    }

    /// The next number of a project's schedules.
    pub async fn next_schedule_number(&self, project: ProjectId) -> Result<Number, StoreError> {
        self.store.numbers().take(key(project)).await.map(Number)
    }

    /// A page of a project's schedules, newest first.
    pub async fn schedules_page(
        &self,
        project: ProjectId,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Schedule>>, StoreError> {
        let below = match below {
            Some(below) => below,
            None => self.store.numbers().last(&key(project)).await? + 1,
        };
        let within = doc! {"state.project": project.to_string(), "state.deleted_at": null};
        self.schedules.page(Walk { within, key: "number", below, size }, |schedule| schedule.number.0).await
    }
}

fn key(project: ProjectId) -> String {
    format!("schedules/{project}")
}
