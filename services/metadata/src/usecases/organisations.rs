//! Makes and finds organisations, and decides who is in them.

use std::sync::Arc;

use katonic_domain::{Clock, Name, OrganisationId, UserId};
use katonic_store::{Fact, Idempotency, Insertion, Page, StoreError, Stored};
use tracing::instrument;

use crate::{
    domain::{
        decision::{Decision, decide_membership},
        etag,
        organisation::{self, NewOrganisation, Organisation, Refusal, Standing},
        user::User,
    },
    error::Error,
    store::{List, Repository},
};

/// Organisations.
#[derive(Clone)]
pub struct Organisations {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

/// A member to change, and the etag of the organisation that was seen.
pub struct Change<'a> {
    /// Which organisation.
    pub organisation: OrganisationId,
    /// Whom.
    pub user: UserId,
    /// Empty means whichever.
    pub seen: &'a str,
}

impl Organisations {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Makes an organisation, or answers what the same Idempotency-Key made before.
    ///
    /// # Errors
    /// [`Error::OrganisationExists`].
    #[instrument(skip_all, fields(user.id = %maker))]
    pub async fn create(
        &self,
        maker: UserId,
        new: NewOrganisation,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<Organisation>>, Error> {
        let number = self.repository.next_number(List::Organisations).await?;
        let made = new.made(maker, number, self.clock.now());
        let inserted = self.repository.organisations.insert(made, organisation::CREATED, idempotency).await;
        inserted.map_err(|error| match error {
            StoreError::Duplicate { .. } => Error::OrganisationExists,
            other => other.into(),
        })
    }

    /// One organisation.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: OrganisationId) -> Result<Organisation, Error> {
        let found = self.repository.organisations.get(&id).await?;
        Ok(found.ok_or(Error::NotFound("organisation"))?.state)
    }

    /// The organisation of a name, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn named(&self, name: &Name) -> Result<Option<Organisation>, Error> {
        Ok(self.repository.organisation_named(name).await?)
    }

    /// A page of the organisations, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<Organisation>>, Error> {
        Ok(self.repository.organisations(below, size).await?)
    }

    /// Makes a user a member, or changes what they are in it.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UnknownParty`], [`Error::LastOwner`], [`Error::TooManyMembers`], [`Error::Stale`].
    #[instrument(skip_all, fields(organisation.id = %change.organisation, user.id = %change.user))]
    pub async fn set_member(
        &self,
        caller: UserId,
        change: Change<'_>,
        standing: Standing,
    ) -> Result<Organisation, Error> {
        let user = change.user;
        if self.repository.user(user).await?.is_none() {
            return Err(Error::UnknownParty("user_id"));
        }
        self.change(caller, change, false, |organisation| organisation.set(user, standing)).await
    }

    /// Takes a member out; everybody may take out themselves.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::LastOwner`], [`Error::Stale`].
    #[instrument(skip_all, fields(organisation.id = %change.organisation, user.id = %change.user))]
    pub async fn remove_member(&self, caller: UserId, change: Change<'_>) -> Result<Organisation, Error> {
        let user = change.user;
        self.change(caller, change, caller == user, |organisation| organisation.remove(user)).await
    }

    async fn change(
        &self,
        caller: UserId,
        change: Change<'_>,
        free_to: bool,
        work: impl Fn(&mut Organisation) -> Result<Option<Fact>, Refusal>,
    ) -> Result<Organisation, Error> {
        let caller = self.repository.user(caller).await?.ok_or(Error::Denied)?;
        let changed = self.repository.organisations.command(&change.organisation, |organisation| {
            if !free_to {
                must_decide(&caller, organisation)?;
            }
            let fact = work(organisation)?;
            if fact.is_some() {
                // The work raised it by one.
                etag::must_match(change.seen, organisation.generation - 1)?;
            }
            Ok::<_, Error>(fact)
        });
        match changed.await {
            Ok(stored) => Ok(stored.state),
            Err(Error::Store(StoreError::NotFound { .. })) => Err(Error::NotFound("organisation")),
            Err(error) => Err(error),
        }
    }
}

fn must_decide(caller: &User, organisation: &Organisation) -> Result<(), Error> {
    match decide_membership(caller, organisation) {
        Decision::Allowed => Ok(()),
        Decision::Denied => Err(Error::Denied),
        Decision::Hidden => Err(Error::NotFound("organisation")),
    }
}
