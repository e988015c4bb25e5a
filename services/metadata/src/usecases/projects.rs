//! Makes, finds, edits and archives projects.

use std::sync::Arc;

use katonic_domain::{Clock, ProjectId, UserId};
use katonic_store::{Idempotency, Insertion, StoreError, Stored, Transaction};
use tracing::instrument;

use super::{access::Access, grants::new_grant};
use crate::{
    domain::{
        decision::Role,
        grant::{self, Place},
        party::Party,
        project::{self, Edit, NewProject, Project, Refusal},
    },
    error::Error,
    store::{List, Repository},
};

/// Projects.
#[derive(Clone)]
pub struct Projects {
    repository: Repository,
    access: Access,
    clock: Arc<dyn Clock>,
}

impl Projects {
    /// Over what is kept.
    pub fn new(repository: Repository, access: Access, clock: Arc<dyn Clock>) -> Self {
        Self { repository, access, clock }
    }

    /// Makes a project with its owner's role, or answers what the same Idempotency-Key made before.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an organisation that the user is not in, [`Error::ProjectExists`].
    #[instrument(skip_all, fields(user.id = %user, owner = %owner))]
    pub async fn create(
        &self,
        user: UserId,
        owner: Party,
        new: NewProject,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<Project>>, Error> {
        let projects = &self.repository.projects;
        if let Some(stored) = projects.replay(idempotency.as_ref()).await? {
            return Ok(Insertion { stored, replayed: true });
        }
        if self.repository.parties(user).await?.standing(owner).is_none() {
            return Err(Error::NotFound("organisation"));
        }
        match self.insert(owner, new, idempotency.clone()).await {
            Ok(stored) => Ok(Insertion { stored, replayed: false }),
            // Another with the same key may have come first, by a moment.
            Err(Error::Store(StoreError::Duplicate { .. })) => match projects.replay(idempotency.as_ref()).await? {
                Some(stored) => Ok(Insertion { stored, replayed: true }),
                None => Err(Error::ProjectExists),
            },
            Err(error) => Err(error),
        }
    }

    async fn insert(
        &self,
        owner: Party,
        new: NewProject,
        idempotency: Option<Idempotency>,
    ) -> Result<Stored<Project>, Error> {
        let now = self.clock.now();
        let made = new.made(owner, self.repository.next_number(List::Projects).await?, now);
        let place = Place { project: made.id, party: owner };
        let role = new_grant(&self.repository, place, Role::Owner, now).await?;
        let repository = self.repository.clone();
        let work = async move |tx: &mut Transaction| {
            let stored = tx.insert(&repository.projects, made.clone(), project::CREATED, idempotency.clone()).await?;
            tx.insert(&repository.grants, role.clone(), grant::CHANGED, None).await?;
            Ok::<_, Error>(stored)
        };
        self.repository.store().transaction(work).await
    }

    /// One project.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: ProjectId) -> Result<Stored<Project>, Error> {
        self.repository.project(id).await?.ok_or(Error::NotFound("project"))
    }

    /// Changes what its contributors may change; the name only its owners.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::ProjectExists`], [`Error::ProjectArchived`], [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %id, user.id = %user))]
    pub async fn edit(&self, user: UserId, id: ProjectId, edit: &Edit, seen: &str) -> Result<Stored<Project>, Error> {
        let present = self.get(id).await?;
        if edit.name.as_ref().is_some_and(|name| *name != present.state.name) {
            self.access.require(user, "project.rename", &id.to_string()).await?;
        }
        self.change(id, |project| project.edit(edit, seen)).await
    }

    /// Keeps it for reading only.
    ///
    /// # Errors
    /// [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %id))]
    pub async fn archive(&self, id: ProjectId, seen: &str) -> Result<Stored<Project>, Error> {
        let now = self.clock.now();
        self.change(id, |project| project.archive(seen, now)).await
    }

    /// Takes it into use again.
    ///
    /// # Errors
    /// [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %id))]
    pub async fn restore(&self, id: ProjectId, seen: &str) -> Result<Stored<Project>, Error> {
        self.change(id, |project| project.restore(seen)).await
    }

    async fn change(
        &self,
        id: ProjectId,
        work: impl Fn(&mut Project) -> Result<Option<katonic_store::Fact>, Refusal>,
    ) -> Result<Stored<Project>, Error> {
        let changed = self.repository.projects.command(&id, |project| Ok::<_, Error>(work(project)?)).await;
        match changed {
            Err(Error::Store(StoreError::Duplicate { .. })) => Err(Error::ProjectExists),
            Err(Error::Store(StoreError::NotFound { .. })) => Err(Error::NotFound("project")),
            changed => changed,
        }
    }
}
