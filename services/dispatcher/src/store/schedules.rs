//! Schedules as the store has them.

use katonic_domain::{ProjectId, ScheduleId};
use katonic_store::{Collection, Idempotency, Page, Record, StoreError, Stored, Transaction, Walk, doc};
use serde::{Deserialize, Serialize};

use super::{CREATED, Repository};
use crate::{
    domain::{execution::Number, schedule::Schedule},
    error::Error,
};

/// That a schedule has a name in its project: a document of its own, which goes with it. (SecantusDB 0.5 keeps
/// what a unique index held before a change, so that a name in the schedule itself would never be free again.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleName {
    id: String,
    schedule: ScheduleId,
}

impl ScheduleName {
    /// The one of a schedule.
    pub fn of(schedule: &Schedule) -> Self {
        Self { id: format!("{}/{}", schedule.project, schedule.plan.name), schedule: schedule.id }
    }
}

impl Record for ScheduleName {
    type Id = String;

    const COLLECTION: &'static str = "schedule_names";
    const ENTITY: &'static str = "schedule";

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// More than an installation has.
const MAX_ACTIVE: usize = 100_000;

impl Repository {
    /// Schedules.
    pub const fn schedules(&self) -> &Collection<Schedule> {
        &self.schedules
    }

    /// Takes in one with its name; [`StoreError::Duplicate`] where that or the key is taken.
    pub async fn insert_schedule(
        &self,
        schedule: Schedule,
        idempotency: Option<Idempotency>,
    ) -> Result<Stored<Schedule>, StoreError> {
        // Owned by the closure: what it borrowed from here could not be sent to another thread.
        let own = self.clone();
        let work = async move |tx: &mut Transaction| own.insert_in(tx, &schedule, idempotency.clone()).await;
        self.store.transaction(work).await
    }

    async fn insert_in(
        &self,
        tx: &mut Transaction,
        schedule: &Schedule,
        idempotency: Option<Idempotency>,
    ) -> Result<Stored<Schedule>, StoreError> {
        tx.insert_record(&self.schedule_names, ScheduleName::of(schedule)).await?;
        tx.insert(&self.schedules, schedule.clone(), CREATED, idempotency).await
    }

    /// Makes the name of a schedule free, if it is still its own.
    pub async fn free_name(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let name = ScheduleName::of(schedule);
        if self.schedule_names.get(&name.id).await?.as_ref() == Some(&name) {
            self.schedule_names.delete(&name.id).await?;
        }
        Ok(())
    }

    /// One schedule, also one that was taken away: what it launched names it.
    pub async fn schedule(&self, id: ScheduleId) -> Result<Stored<Schedule>, Error> {
        self.schedules.get(&id).await?.ok_or(Error::NoSchedule)
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
        let within = doc! {"state.project": project.to_string()};
        let walk = Walk { within, key: "number", below, size };
        let mut page = self.schedules.page(walk, |schedule| schedule.number.0).await?;
        page.items.retain(|stored| stored.state.deleted_at.is_none());
        Ok(page)
    }
}

fn key(project: ProjectId) -> String {
    format!("schedules/{project}")
}
