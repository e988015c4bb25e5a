//! Makes and ends broker subscriptions (DESIGN E4): the only user of the
//! administrative broker login.
//!
//! The record comes first and the queue after it: a crash in between leaves a
//! subscription that nobody was given the password of, which can be deleted.

use std::sync::Arc;

use katonic_bus::{Admin, Password, subscriber};
use katonic_domain::{Clock, SubscriptionId, UserId};
use katonic_store::{Idempotency, Page};
use tracing::instrument;

use crate::{
    domain::subscription::{NewSubscription, Subscription},
    error::Error,
    store::{List, Repository},
};

/// Subscriptions.
#[derive(Clone)]
pub struct Subscriptions {
    repository: Repository,
    admin: Admin,
    clock: Arc<dyn Clock>,
}

/// A subscription, and its password where it was just made.
pub struct Made {
    /// The subscription.
    pub subscription: Subscription,
    /// Shown once.
    pub password: Option<Password>,
}

impl Subscriptions {
    /// Over what is kept, and the broker's management.
    pub fn new(repository: Repository, admin: Admin, clock: Arc<dyn Clock>) -> Self {
        Self { repository, admin, clock }
    }

    /// Makes a queue and its user.
    ///
    /// # Errors
    /// The broker's.
    #[instrument(skip_all, fields(user.id = %user))]
    pub async fn create(
        &self,
        user: UserId,
        new: NewSubscription,
        idempotency: Option<Idempotency>,
    ) -> Result<Made, Error> {
        let patterns = new.subscriber.patterns();
        let subscription = Subscription {
            id: new.id,
            number: self.repository.next_number(List::Subscriptions).await?,
            name: new.name,
            bindings: patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            made_by: user,
            created_at: self.clock.now(),
        };
        let insertion = self.repository.subscriptions.insert(subscription, idempotency).await?;
        if insertion.replayed {
            return Ok(Made { subscription: insertion.stored, password: None });
        }
        let password = Password::generate().map_err(|_| Error::Random)?;
        if let Err(error) = subscriber::create(&self.admin, &new.subscriber, &password).await {
            self.undo(new.id).await?;
            return Err(error.into());
        }
        Ok(Made { subscription: insertion.stored, password: Some(password) })
    }

    /// Nobody knows of it yet: as if it had never been, so that its key can be
    /// used again, whether or not the broker can be asked. What it may have made
    /// of the queue nobody can open, and it expires.
    async fn undo(&self, id: SubscriptionId) -> Result<(), Error> {
        if let Err(error) = subscriber::delete(&self.admin, &id).await {
            tracing::warn!(subscription.id = %id, error = &error as &dyn std::error::Error, "a queue that failed was not removed");
        }
        self.repository.subscriptions.delete(&id).await?;
        Ok(())
    }

    /// One subscription.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, id: SubscriptionId) -> Result<Subscription, Error> {
        self.repository.subscriptions.get(&id).await?.ok_or(Error::NotFound("subscription"))
    }

    /// A page of them, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, below: Option<u64>, size: usize) -> Result<Page<Subscription>, Error> {
        Ok(self.repository.subscriptions(below, size).await?)
    }

    /// Ends a subscription and whatever it has open. Ending one that is gone is the same.
    ///
    /// # Errors
    /// The broker's: then it is still there.
    #[instrument(skip_all, fields(subscription.id = %id))]
    pub async fn delete(&self, id: SubscriptionId) -> Result<(), Error> {
        subscriber::delete(&self.admin, &id).await?;
        self.repository.subscriptions.delete(&id).await?;
        Ok(())
    }
}
