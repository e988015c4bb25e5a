//! What people do with schedules. Whoever changes one launches it from then on:
//! nobody can make another run their command.

use std::sync::Arc;

use katonic_domain::{Clock, ProjectId, ScheduleId, UserId};
use katonic_store::{Idempotency, Insertion, Page, StoreError, Stored};
use tokio::sync::Notify;
use tracing::instrument;

use crate::{
    clients::metadata::{Launch, Metadata},
    domain::schedule::{Plan, Schedule},
    error::Error,
    snapshot,
    store::{DELETED, Repository, UPDATED},
};

/// Keeps schedules.
#[derive(Clone)]
pub struct Schedules {
    /// What is kept.
    pub repository: Repository,
    /// Who decides.
    pub metadata: Metadata,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Told when one has changed.
    pub changed: Arc<Notify>,
}

impl Schedules {
    /// One, if this user may do that to it.
    pub async fn find(&self, user: UserId, action: &'static str, id: ScheduleId) -> Result<Stored<Schedule>, Error> {
        let stored = self.repository.schedule(id).await?;
        self.check(user, action, &stored.state).await?;
        Ok(stored)
    }

    async fn check(&self, user: UserId, action: &'static str, schedule: &Schedule) -> Result<(), Error> {
        let hidden = |error| if matches!(error, Error::NoExecution) { Error::NoSchedule } else { error };
        self.metadata.check(user, action, schedule.project).await.map_err(hidden)?;
        // What another one made, one changes only where one may stop what it launches.
        if action == "execution.launch" && schedule.owner != user {
            self.metadata.check(user, "execution.stop", schedule.project).await?;
        }
        Ok(())
    }

    /// A page of a project's, newest first.
    pub async fn page(
        &self,
        user: UserId,
        project: ProjectId,
        below: Option<u64>,
        size: usize,
    ) -> Result<Page<Stored<Schedule>>, Error> {
        self.metadata.check(user, "execution.list", project).await?;
        Ok(self.repository.schedules_page(project, below, size).await?)
    }

    /// Makes one, once metadata would let its job be launched.
    #[instrument(skip_all, fields(project.id = %project))]
    pub async fn create(
        &self,
        user: UserId,
        project: ProjectId,
        plan: Plan,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<Schedule>>, Error> {
        let schedules = self.repository.schedules();
        if let Some(stored) = schedules.replay(idempotency.as_ref()).await? {
            return Ok(Insertion { stored, replayed: true });
        }
        self.try_launch(user, project, &plan).await?;
        let number = self.repository.next_schedule_number(project).await?;
        let schedule = Schedule::new(ScheduleId::generate(), project, number, user, plan, self.clock.now());
        match self.repository.insert_schedule(schedule, idempotency.clone()).await {
            Ok(stored) => {
                self.changed.notify_one();
                Ok(Insertion { stored, replayed: false })
            }
            // One with the same key may have come first, by a moment.
            Err(StoreError::Duplicate { .. }) => match schedules.replay(idempotency.as_ref()).await? {
                Some(stored) => Ok(Insertion { stored, replayed: true }),
                None => Err(Error::ScheduleExists),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Changes one that was found, if it is still what the caller has seen; an empty etag means whatever it is.
    #[instrument(skip_all, fields(schedule.id = %found.id))]
    pub async fn update(
        &self,
        user: UserId,
        found: &Schedule,
        plan: &Plan,
        etag: &str,
    ) -> Result<Stored<Schedule>, Error> {
        self.try_launch(user, found.project, plan).await?;
        let change = |schedule: &mut Schedule| {
            if schedule.deleted_at.is_some() {
                return Err(Error::ScheduleDeleted);
            }
            if !etag.is_empty() && etag != snapshot::schedule_etag(schedule) {
                return Err(Error::Stale);
            }
            Ok(schedule.change(plan.clone(), user, self.clock.now()).then_some(UPDATED))
        };
        let changed = self.repository.schedules().command(&found.id, change).await?;
        self.changed.notify_one();
        Ok(changed)
    }

    /// Takes one away; doing it twice is the same.
    #[instrument(skip_all, fields(schedule.id = %id))]
    pub async fn delete(&self, user: UserId, id: ScheduleId) -> Result<(), Error> {
        self.find(user, "execution.launch", id).await?;
        let delete = |schedule: &mut Schedule| Ok::<_, Error>(schedule.delete(self.clock.now()).then_some(DELETED));
        let deleted = self.repository.schedules().command(&id, delete).await?;
        Ok(self.repository.free_name(&deleted.state).await?)
    }

    /// A wrong tier or commit is said now, not at night.
    async fn try_launch(&self, user: UserId, project: ProjectId, plan: &Plan) -> Result<(), Error> {
        let job = plan.job.clone().check()?;
        let launch = Launch { user, project, tier: job.tier.as_ref(), commit: job.commit.as_ref() };
        self.metadata.resolve_launch(launch).await.map(drop)
    }
}
