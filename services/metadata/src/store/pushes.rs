//! The projects' side of a push (DESIGN W5): what the Git role writes.

use futures::{FutureExt, future::BoxFuture};
use katonic_domain::{ProjectId, Timestamp};
use katonic_store::{StoreError, doc};

use super::Repository;
use crate::{
    domain::project,
    git::{
        Begun, Overdue, Pushes, Recorded,
        files::{Change, Head, PushId, Seen},
    },
};

/// Projects that one sweep settles; the next takes more.
const SWEEP: usize = 100;

/// The store's failure, or what the change itself found.
enum Refusal<F> {
    Store(StoreError),
    Found(F),
}

impl<F> From<StoreError> for Refusal<F> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Pushes for Repository {
    fn begin(&self, project: ProjectId, push: PushId, now: Timestamp) -> BoxFuture<'_, Result<Begun, StoreError>> {
        async move {
            let begun = self.projects.command(&project, |project| {
                project.must_be_in_use().map_err(|_| Refusal::Found(Begun::Archived))?;
                project.files.begin(push, now);
                Ok::<_, Refusal<Begun>>(None)
            });
            match begun.await {
                Ok(_) => Ok(Begun::Noted),
                Err(Refusal::Found(begun)) => Ok(begun),
                Err(Refusal::Store(error)) => Err(error),
            }
        }
        .boxed()
    }

    fn seen(&self, project: ProjectId) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        async move { Ok(self.project(project).await?.map(|stored| stored.state.files.seen())) }.boxed()
    }

    fn record(
        &self,
        project: ProjectId,
        seen: Seen,
        pushes: Vec<PushId>,
        heads: Vec<Head>,
    ) -> BoxFuture<'_, Result<Recorded, StoreError>> {
        async move {
            let recorded = self.projects.update(&project, |project| {
                match project.files.record(seen, &pushes, &heads).map_err(|_| Refusal::Found(Recorded::Moved))? {
                    Change::Heads => Ok(Some(project::PUSHED)),
                    Change::Nothing => Ok(None),
                }
            });
            match recorded.await {
                Ok(_) => Ok(Recorded::Done),
                Err(Refusal::Found(recorded)) => Ok(recorded),
                Err(Refusal::Store(error)) => Err(error),
            }
        }
        .boxed()
    }

    fn overdue(&self, before: Timestamp) -> BoxFuture<'_, Result<Vec<Overdue>, StoreError>> {
        async move {
            let filter = doc! {"state.files.pending_since": {"$lt": before.to_string()}};
            let found = self.projects.find(filter, doc! {"state.files.pending_since": 1}, SWEEP).await?;
            let overdue = found
                .into_iter()
                .map(|stored| Overdue { project: stored.state.id, pushes: stored.state.files.overdue(before) });
            Ok(overdue.collect())
        }
        .boxed()
    }
}
