//! Makes, changes and finds hardware tiers.

use std::sync::Arc;

use katonic_domain::{Clock, Name};
use katonic_store::{Fact, HistoryEntry, Idempotency, Insertion, StoreError, Stored, Transaction, Version, doc};
use tracing::instrument;

use crate::{
    domain::tier::{self, Seed, Tier, TierChange},
    error::Error,
    store::Repository,
};

/// Tiers.
#[derive(Clone)]
pub struct Tiers {
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl Tiers {
    /// Over what is kept.
    pub fn new(repository: Repository, clock: Arc<dyn Clock>) -> Self {
        Self { repository, clock }
    }

    /// Makes those of the configuration, at the first start: all or none.
    ///
    /// # Errors
    /// The store's.
    pub async fn seed(&self, seeds: &[Seed]) -> Result<(), Error> {
        if !self.all().await?.is_empty() {
            return Ok(());
        }
        let (repository, now, seeds) = (self.repository.clone(), self.clock.now(), seeds.to_vec());
        let work = async move |tx: &mut Transaction| {
            for seed in &seeds {
                tx.insert(&repository.tiers, Tier::made(seed.clone(), now), tier::CREATED, None).await?;
            }
            Ok::<_, StoreError>(())
        };
        match self.repository.store().transaction(work).await {
            // Another replica came first, by a moment.
            Ok(()) | Err(StoreError::Duplicate { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All, by name; also those that are out of use.
    ///
    /// # Errors
    /// The store's.
    pub async fn all(&self) -> Result<Vec<Stored<Tier>>, Error> {
        let mut tiers = self.repository.all_tiers().await?;
        tiers.sort_by(|a, b| a.state.name.cmp(&b.state.name));
        Ok(tiers)
    }

    /// The tier of a name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn named(&self, name: &Name) -> Result<Stored<Tier>, Error> {
        let found = self.repository.tiers.find_one(doc! {"state.name": name.as_str()}).await?;
        found.ok_or(Error::NotFound("hardware tier"))
    }

    /// The event that made a revision of a tier: a revision is a version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revision(&self, name: &Name, revision: u32) -> Result<HistoryEntry, Error> {
        let tier = self.named(name).await?.state;
        let before = Version::new(u64::from(revision).saturating_sub(1));
        let found = self.repository.tiers.history(&tier.id, before, 1).await?.into_iter().next();
        let found = found.filter(|entry| entry.sequence.get() == u64::from(revision));
        found.ok_or(Error::NotFound("revision of this hardware tier"))
    }

    /// The tier that a launch gets: the named one, or the default where none is named.
    ///
    /// # Errors
    /// [`Error::UnknownTier`], [`Error::TierRetired`].
    pub async fn for_launch(&self, name: &str) -> Result<Tier, Error> {
        let wanted = if name.is_empty() {
            doc! {"state.default": true}
        } else {
            doc! {"state.name": name}
        };
        let tier = self.repository.tiers.find_one(wanted).await?.ok_or(Error::UnknownTier)?.state;
        if tier.is_retired() { Err(Error::TierRetired) } else { Ok(tier) }
    }

    /// Makes a tier, or answers what the same Idempotency-Key made before.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::TierExists`], [`Error::TooManyTiers`].
    #[instrument(skip_all, fields(tier.name = %seed.name))]
    pub async fn create(&self, seed: Seed, idempotency: Option<Idempotency>) -> Result<Insertion<Stored<Tier>>, Error> {
        seed.size.check_new().map_err(Error::Invalid)?;
        if self.repository.all_tiers().await?.len() >= Repository::MAX_TIERS {
            return Err(Error::TooManyTiers);
        }
        let default = seed.default;
        // Not yet the default: repeating a create that was cut off here makes it so.
        let made = Tier::made(Seed { default: false, ..seed }, self.clock.now());
        let mut inserted =
            self.repository.tiers.insert(made, tier::CREATED, idempotency).await.map_err(|error| match error {
                StoreError::Duplicate { .. } => Error::TierExists,
                other => other.into(),
            })?;
        if default {
            inserted.stored = self.make_default(&inserted.stored.state).await?;
        }
        Ok(inserted)
    }

    /// Changes a tier that is still what the caller has seen; an empty etag means whatever it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::TierRetired`], [`Error::Invalid`].
    #[instrument(skip_all, fields(tier.name = %name))]
    pub async fn update(&self, name: &Name, etag: &str, change: &TierChange) -> Result<Stored<Tier>, Error> {
        let id = self.named(name).await?.state.id;
        let apply = |tier: &mut Tier| {
            if !etag.is_empty() && etag != tier.etag() {
                return Err(Error::Stale);
            }
            if tier.is_retired() {
                return Err(Error::TierRetired);
            }
            let size = change.size(&tier.size);
            size.check().map_err(Error::Invalid)?;
            Ok(tier.resize(size).then_some(tier::UPDATED))
        };
        let stored = self.repository.tiers.command(&id, apply).await?;
        if change.default { self.make_default(&stored.state).await } else { Ok(stored) }
    }

    /// Takes a tier out of use; repeating it is the same.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TierIsDefault`].
    #[instrument(skip_all, fields(tier.name = %name))]
    pub async fn retire(&self, name: &Name) -> Result<Stored<Tier>, Error> {
        let id = self.named(name).await?.state.id;
        let now = self.clock.now();
        let change = |tier: &mut Tier| {
            if tier.default {
                return Err(Error::TierIsDefault);
            }
            Ok(tier.retire(now).then_some(tier::RETIRED))
        };
        self.repository.tiers.command(&id, change).await
    }

    /// The default passes from one tier to another in one transaction: there is always exactly one.
    async fn make_default(&self, tier: &Tier) -> Result<Stored<Tier>, Error> {
        let (repository, id) = (self.repository.clone(), tier.id);
        let former = repository.tiers.find_one(doc! {"state.default": true}).await?.map(|stored| stored.state.id);
        let work = async move |tx: &mut Transaction| {
            match former {
                Some(former) if former == id => return tx.update(&repository.tiers, &id, keep).await,
                Some(former) => drop(tx.update(&repository.tiers, &former, take).await?),
                None => {}
            }
            tx.update(&repository.tiers, &id, give).await
        };
        self.repository.store().transaction(work).await
    }
}

fn give(tier: &mut Tier) -> Result<Option<Fact>, Error> {
    if tier.is_retired() {
        return Err(Error::TierRetired);
    }
    Ok(tier.set_default(true).then_some(tier::UPDATED))
}

/// It passed on meanwhile: given back, there would be two.
fn keep(tier: &mut Tier) -> Result<Option<Fact>, Error> {
    if tier.default { Ok(None) } else { Err(Error::Contended) }
}

/// It passed on meanwhile: whoever has it now would keep it.
fn take(tier: &mut Tier) -> Result<Option<Fact>, Error> {
    if tier.set_default(false) { Ok(Some(tier::UPDATED)) } else { Err(Error::Contended) }
}
