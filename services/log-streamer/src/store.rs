//! What the log-streamer keeps in its database: a manifest per log, a wrapped data key per project.

use std::sync::Arc;

use async_trait::async_trait;
use katonic_blob::{DataKeys, DataKeysError, WrappedKey};
use katonic_domain::{MemberId, ProjectId, Timestamp};
use katonic_store::{Index, Record, Records, Store, StoreError, doc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Manifest, manifest::ManifestError},
    error::Error,
};

/// Small logs lie in their manifests, so this many are a few megabytes.
const SWEPT_AT_ONCE: usize = 100;

impl Record for Manifest {
    type Id = MemberId;

    const COLLECTION: &'static str = "logs";
    const ENTITY: &'static str = "log";
    const INDEXES: &'static [Index] = &[Index::on(&["sweep_at"])];

    fn id(&self) -> MemberId {
        self.member().clone()
    }
}

/// The manifests of all logs.
#[derive(Clone)]
pub struct Manifests(Records<Manifest>);

impl Manifests {
    /// Opens the collection.
    pub async fn of(store: &Store) -> Result<Self, StoreError> {
        store.records().await.map(Self)
    }

    /// The manifest of a log, if it was ever opened.
    pub async fn get(&self, member: &MemberId) -> Result<Option<Manifest>, StoreError> {
        self.0.get(member).await
    }

    /// The manifest of a log, made where there is none.
    pub async fn get_or_open(&self, member: &MemberId, project: ProjectId) -> Result<Manifest, StoreError> {
        if let Some(manifest) = self.0.get(member).await? {
            return Ok(manifest);
        }
        match self.0.insert(Manifest::open(member.clone(), project), None).await {
            Ok(made) => Ok(made.stored),
            Err(error @ StoreError::Duplicate { .. }) => self.0.get(member).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Closed logs whose folders are due to be swept, some of them.
    pub async fn to_sweep(&self, now: Timestamp) -> Result<Vec<Manifest>, StoreError> {
        let due = doc! {"state.sweep_at": {"$lte": now.as_second()}};
        self.0.find(due, doc! {"state.sweep_at": 1}, SWEPT_AT_ONCE).await
    }

    /// Changes a manifest by compare-and-set; `change` may run several times.
    pub async fn update(
        &self,
        member: &MemberId,
        mut change: impl FnMut(&mut Manifest) -> Result<(), ManifestError>,
    ) -> Result<Manifest, Error> {
        self.0.update(member, |manifest| change(manifest).map_err(Error::from)).await
    }
}

/// A project's data key, wrapped by the installation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptKey {
    project: ProjectId,
    key: WrappedKey,
}

impl Record for KeptKey {
    type Id = ProjectId;

    const COLLECTION: &'static str = "data_keys";
    const ENTITY: &'static str = "data key";

    fn id(&self) -> ProjectId {
        self.project
    }
}

struct KeptKeys(Records<KeptKey>);

/// The data keys in a database.
pub async fn data_keys(store: &Store) -> Result<Arc<dyn DataKeys>, StoreError> {
    Ok(Arc::new(KeptKeys(store.records().await?)))
}

#[async_trait]
impl DataKeys for KeptKeys {
    async fn find(&self, project: ProjectId) -> Result<Option<WrappedKey>, DataKeysError> {
        let found = self.0.get(&project).await.map_err(DataKeysError::new)?;
        Ok(found.map(|kept| kept.key))
    }

    async fn keep(&self, project: ProjectId, key: WrappedKey) -> Result<WrappedKey, DataKeysError> {
        match self.0.insert(KeptKey { project, key }, None).await {
            Ok(made) => Ok(made.stored.key),
            Err(error @ StoreError::Duplicate { .. }) => {
                let found = self.find(project).await?;
                found.ok_or_else(|| DataKeysError::new(error))
            }
            Err(error) => Err(DataKeysError::new(error)),
        }
    }
}
