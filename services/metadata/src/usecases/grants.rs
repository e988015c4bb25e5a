//! Grants roles in projects, takes them away, and gives projects to others.

use std::sync::Arc;

use katonic_domain::{Clock, GrantId, ProjectId, Timestamp, UserId};
use katonic_store::{StoreError, Transaction};
use tracing::instrument;

use crate::{
    domain::{
        decision::{Decision, Role, decide_membership},
        etag,
        grant::{self, Grant, MOST_GRANTS, Place},
        party::Party,
        project::Project,
    },
    error::Error,
    store::{List, Repository},
};

/// Roles in projects.
#[derive(Clone)]
pub struct Grants {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Grants {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// The roles in a project, highest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, project: ProjectId) -> Result<Vec<Grant>, Error> {
        let mut grants = self.repository.grants_in(project).await?;
        grants.sort_by_key(|grant| std::cmp::Reverse(grant.role));
        Ok(grants)
    }

    /// The role of one party.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, place: Place) -> Result<Grant, Error> {
        let found = self.repository.grant(place).await?.map(|stored| stored.state);
        found.filter(|grant| grant.role.is_some()).ok_or(Error::NotFound("grant"))
    }

    /// Grants a role, in the place of the one that there was.
    ///
    /// # Errors
    /// [`Error::UnknownParty`], [`Error::OwnerGrant`], [`Error::TooManyGrants`], [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %place.project, party = %place.party, ?role))]
    pub async fn set(&self, place: Place, role: Role, seen: &str) -> Result<Grant, Error> {
        self.must_be_no_owner(place).await?;
        self.must_exist(place.party, "party_id").await?;
        if let Some(stored) = self.repository.grant(place).await? {
            return self.change(&stored.state, Some(role), seen).await;
        }
        if !seen.is_empty() {
            return Err(Error::Stale);
        }
        if self.repository.grants_in(place.project).await?.len() >= MOST_GRANTS {
            return Err(Error::TooManyGrants);
        }
        let made = new_grant(&self.repository, place, role, self.clock.now()).await?;
        match self.repository.grants.insert(made, grant::CHANGED, None).await {
            Ok(insertion) => Ok(insertion.stored.state),
            // Another granted at the same moment.
            Err(StoreError::Duplicate { .. }) => {
                let present = self.repository.grant(place).await?.ok_or(Error::NotFound("grant"))?;
                self.change(&present.state, Some(role), seen).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// [`Error::OwnerGrant`], [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %place.project, party = %place.party))]
    pub async fn delete(&self, place: Place, seen: &str) -> Result<(), Error> {
        self.must_be_no_owner(place).await?;
        if let Some(stored) = self.repository.grant(place).await? {
            self.change(&stored.state, None, seen).await?;
        }
        Ok(())
    }

    /// Gives a project to another; who owned it becomes a contributor.
    ///
    /// # Errors
    /// [`Error::UnknownParty`], [`Error::Denied`], [`Error::ProjectExists`], [`Error::Stale`].
    #[instrument(skip_all, fields(project.id = %id, owner = %to, user.id = %caller))]
    pub async fn transfer(&self, caller: UserId, id: ProjectId, to: Party, seen: &str) -> Result<Project, Error> {
        self.must_exist(to, "owner_id").await?;
        self.must_own(caller, to).await?;
        let project = self.repository.project(id).await?.ok_or(Error::NotFound("project"))?.state;
        let heir = self.grant_at(Place { project: id, party: to }).await?;
        let former = self.grant_at(Place { project: id, party: project.owner }).await?;
        let (repository, now, seen) = (self.repository.clone(), self.clock.now(), seen.to_owned());
        let work = async move |tx: &mut Transaction| {
            let give = |project: &mut Project| {
                // The roles below are those of the owner whom we have seen.
                if project.owner != former.at.party {
                    return Err(Error::Stale);
                }
                Ok(project.transfer(to, &seen)?)
            };
            let stored = tx.update(&repository.projects, &id, give).await?;
            if former.at.party != to {
                former.put(tx, &repository, Role::Contributor, now).await?;
                heir.put(tx, &repository, Role::Owner, now).await?;
            }
            Ok(stored)
        };
        match self.repository.store().transaction(work).await {
            Ok(stored) => Ok(stored.state),
            Err(Error::Store(StoreError::Duplicate { .. })) => Err(Error::ProjectExists),
            Err(error) => Err(error),
        }
    }

    async fn change(&self, present: &Grant, role: Option<Role>, seen: &str) -> Result<Grant, Error> {
        let now = self.clock.now();
        let changed = self.repository.grants.command(&present.id, |grant| {
            if grant.role != role {
                etag::must_match(seen, grant.generation)?;
            }
            Ok::<_, Error>(grant.set(role, now))
        });
        Ok(changed.await?.state)
    }

    async fn grant_at(&self, at: Place) -> Result<Held, Error> {
        let present = self.repository.grant(at).await?.map(|stored| stored.state.id);
        let fresh = new_grant(&self.repository, at, Role::Owner, self.clock.now()).await?;
        Ok(Held { at, present, fresh })
    }

    async fn must_be_no_owner(&self, place: Place) -> Result<(), Error> {
        let project = self.repository.project(place.project).await?.ok_or(Error::NotFound("project"))?;
        if project.state.owner == place.party { Err(Error::OwnerGrant) } else { Ok(()) }
    }

    async fn must_exist(&self, party: Party, field: &'static str) -> Result<(), Error> {
        let exists = match party {
            Party::User(id) => self.repository.user(id).await?.is_some(),
            Party::Organisation(id) => self.repository.organisations.get(&id).await?.is_some(),
        };
        exists.then_some(()).ok_or(Error::UnknownParty(field))
    }

    /// What an organisation owns, its owners decide on: nobody else gives it something.
    async fn must_own(&self, caller: UserId, to: Party) -> Result<(), Error> {
        let Party::Organisation(id) = to else { return Ok(()) };
        let caller = self.repository.user(caller).await?.ok_or(Error::Denied)?;
        let organisation = self.repository.organisations.get(&id).await?.ok_or(Error::UnknownParty("owner_id"))?;
        match decide_membership(&caller, &organisation.state) {
            Decision::Allowed => Ok(()),
            Decision::Denied | Decision::Hidden => Err(Error::Denied),
        }
    }
}

/// Where a role is to be, what is there, and what is put there where nothing is.
struct Held {
    at: Place,
    present: Option<GrantId>,
    fresh: Grant,
}

impl Held {
    async fn put(
        &self,
        tx: &mut Transaction,
        repository: &Repository,
        role: Role,
        now: Timestamp,
    ) -> Result<(), Error> {
        match &self.present {
            Some(id) => {
                tx.update(&repository.grants, id, |grant| Ok::<_, Error>(grant.set(Some(role), now))).await?;
            }
            None => {
                let fresh = Grant { role: Some(role), ..self.fresh.clone() };
                tx.insert(&repository.grants, fresh, grant::CHANGED, None).await?;
            }
        }
        Ok(())
    }
}

/// A grant that is not there yet.
///
/// # Errors
/// The store's.
pub(super) async fn new_grant(
    repository: &Repository,
    place: Place,
    role: Role,
    now: Timestamp,
) -> Result<Grant, Error> {
    let number = repository.next_number(List::Grants(place.party)).await?;
    Ok(Grant::made(place, role, number, now))
}
