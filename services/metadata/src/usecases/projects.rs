//! Makes and finds projects.

use std::sync::Arc;

use katonic_domain::{Clock, Name, ProjectId, UserId};
use katonic_store::{Idempotency, Insertion, Page, StoreError, Stored};
use tracing::instrument;

use crate::{
    domain::project::{self, NewProject, Project},
    error::Error,
    store::{List, Repository},
};

/// Projects.
#[derive(Clone)]
pub struct Projects {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Projects {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Makes a project, or answers what the same Idempotency-Key made before.
    ///
    /// # Errors
    /// [`Error::ProjectExists`].
    #[instrument(skip_all, fields(user.id = %owner))]
    pub async fn create(
        &self,
        owner: UserId,
        new: NewProject,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<Project>>, Error> {
        let number = self.repository.next_number(List::Projects(owner)).await?;
        let made = new.made(owner, number, self.clock.now());
        self.repository.projects.insert(made, project::CREATED, idempotency).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => Error::ProjectExists,
            other => other.into(),
        })
    }

    /// One project.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: ProjectId) -> Result<Stored<Project>, Error> {
        self.repository.project(id).await?.ok_or(Error::NotFound("project"))
    }

    /// A page of an owner's projects, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, owner: UserId, below: Option<u64>, size: usize) -> Result<Page<Stored<Project>>, Error> {
        Ok(self.repository.projects_of(owner, below, size).await?)
    }

    /// The owner's project of a name, as a page.
    ///
    /// # Errors
    /// The store's.
    pub async fn named(&self, owner: UserId, name: &Name) -> Result<Page<Stored<Project>>, Error> {
        let found = self.repository.project_named(owner, name).await?;
        Ok(Page { items: found.into_iter().collect(), next: None })
    }
}
