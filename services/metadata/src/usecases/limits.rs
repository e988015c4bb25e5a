//! Sets and lists what scopes may run and queue at once.

use std::sync::Arc;

use katonic_domain::{Clock, Limit, LimitScope};
use katonic_store::{Page, StoreError, Stored, doc};
use tracing::instrument;

use crate::{
    domain::limit::{self, ScopeLimit},
    error::Error,
    store::{List, Repository},
};

/// Limits.
#[derive(Clone)]
pub struct Limits {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Sets the first ones, each unless it is there.
    ///
    /// # Errors
    /// The store's.
    pub async fn seed(&self) -> Result<(), Error> {
        for (scope, limit) in limit::FIRST {
            if self.of(scope).await?.is_none() {
                self.insert(scope, limit).await?;
            }
        }
        Ok(())
    }

    /// A page of those that are set, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(&self, below: Option<u64>, size: usize) -> Result<Page<Stored<ScopeLimit>>, Error> {
        Ok(self.repository.limits_page(below, size).await?)
    }

    /// Sets what a scope may, if it is still what the caller has seen; an empty etag means whatever it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    #[instrument(skip_all, fields(%scope))]
    pub async fn set(&self, scope: LimitScope, limit: Limit, etag: &str) -> Result<Stored<ScopeLimit>, Error> {
        self.require(scope).await?;
        let stored = match self.of(scope).await? {
            Some(stored) => stored,
            None if !etag.is_empty() => return Err(Error::Stale),
            None => self.insert(scope, limit).await?,
        };
        let now = self.clock.now();
        let change = |held: &mut ScopeLimit| {
            if !etag.is_empty() && etag != held.etag() {
                return Err(Error::Stale);
            }
            Ok(held.set(limit, now).then_some(limit::CHANGED))
        };
        self.repository.limits.command(&stored.state.id, change).await
    }

    async fn of(&self, scope: LimitScope) -> Result<Option<Stored<ScopeLimit>>, Error> {
        Ok(self.repository.limits.find_one(doc! {"state.scope": scope.to_string()}).await?)
    }

    /// Another may set the same scope at once: what they inserted is answered then.
    async fn insert(&self, scope: LimitScope, limit: Limit) -> Result<Stored<ScopeLimit>, Error> {
        let number = self.repository.next_number(List::Limits).await?;
        let made = ScopeLimit::made(number, scope, limit, self.clock.now());
        match self.repository.limits.insert(made, limit::CHANGED, None).await {
            Ok(inserted) => Ok(inserted.stored),
            Err(StoreError::Duplicate { .. }) => self.of(scope).await?.ok_or(Error::Contended),
            Err(error) => Err(error.into()),
        }
    }

    async fn require(&self, scope: LimitScope) -> Result<(), Error> {
        let there = match scope {
            LimitScope::Installation | LimitScope::Users | LimitScope::Projects => true,
            LimitScope::User(id) => self.repository.user(id).await?.is_some(),
            LimitScope::Project(id) => self.repository.project(id).await?.is_some(),
        };
        if there { Ok(()) } else { Err(Error::NotFound("user or project")) }
    }
}
