//! Makes, finds, disables and enables users.
//!
//! Must hold: there is always an administrator who is not disabled. Who
//! administers stands in one record, which every change of it writes.

use std::sync::Arc;

use katonic_domain::{Clock, Name, UserId};
use katonic_store::{Idempotency, Insertion, Page, Record as _, StoreError, Stored, Transaction};
use tracing::instrument;

use crate::{
    domain::user::{self, Administrators, NewUser, User},
    error::Error,
    store::{List, Repository},
};

/// Users.
#[derive(Clone)]
pub struct Users {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Users {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Makes a user, or answers what the same Idempotency-Key made before.
    ///
    /// # Errors
    /// [`Error::UserExists`].
    #[instrument(skip_all)]
    pub async fn create(
        &self,
        new: NewUser,
        idempotency: Option<Idempotency>,
    ) -> Result<Insertion<Stored<User>>, Error> {
        let users = &self.repository.users;
        if let Some(stored) = users.replay(idempotency.as_ref()).await? {
            return Ok(Insertion { stored, replayed: true });
        }
        let user = new.made(self.repository.next_number(List::Users).await?, self.clock.now());
        let inserted = insert(&self.repository, user, idempotency.clone()).await;
        match inserted {
            Ok(stored) => Ok(Insertion { stored, replayed: false }),
            Err(Error::Store(StoreError::Duplicate { .. })) => match users.replay(idempotency.as_ref()).await? {
                Some(stored) => Ok(Insertion { stored, replayed: true }),
                None => Err(Error::UserExists),
            },
            Err(error) => Err(error),
        }
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: UserId) -> Result<User, Error> {
        self.repository.user(id).await?.ok_or(Error::NotFound("user"))
    }

    /// The user of a name, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn named(&self, name: &Name) -> Result<Option<User>, Error> {
        Ok(self.repository.user_named(name).await?)
    }

    /// A page of the users, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<User>>, Error> {
        Ok(self.repository.users(below, size).await?)
    }

    /// Refuses a user from now on, or lets them in again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdministrator`].
    #[instrument(skip_all, fields(user.id = %id, disabled))]
    pub async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<User, Error> {
        let admin = self.get(id).await?.admin;
        let repository = self.repository.clone();
        let work = async move |tx: &mut Transaction| {
            if admin {
                let change = |administrators: &mut Administrators| count(administrators, id, disabled);
                tx.update_record(&repository.administrators, &Administrators::ID, change).await?;
            }
            tx.update(&repository.users, &id, |user| Ok::<_, Error>(user.set_disabled(disabled))).await
        };
        Ok(self.repository.store().transaction(work).await?.state)
    }
}

fn count(administrators: &mut Administrators, user: UserId, disabled: bool) -> Result<(), Error> {
    if disabled {
        administrators.remove(user).map_err(|_| Error::LastAdministrator)
    } else {
        administrators.add(user);
        Ok(())
    }
}

/// Inserts a user, and counts them where they administer.
///
/// # Errors
/// The store's.
pub(super) async fn insert(
    repository: &Repository,
    user: User,
    idempotency: Option<Idempotency>,
) -> Result<Stored<User>, Error> {
    if user.admin {
        ensure_count(repository).await?;
    }
    let collections = repository.clone();
    let work = async move |tx: &mut Transaction| {
        if user.admin {
            let change = |administrators: &mut Administrators| count(administrators, user.id, false);
            tx.update_record(&collections.administrators, &Administrators::ID, change).await?;
        }
        let inserted = tx.insert(&collections.users, user.clone(), user::CREATED, idempotency.clone()).await;
        inserted.map_err(Error::from)
    };
    repository.store().transaction(work).await
}

/// The record of who administers, empty where it is new.
async fn ensure_count(repository: &Repository) -> Result<(), Error> {
    let empty = Administrators::default();
    if repository.administrators.get(&empty.id()).await?.is_some() {
        return Ok(());
    }
    match repository.administrators.insert(empty, None).await {
        Ok(_) | Err(StoreError::Duplicate { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
