//! The key ring: finds, makes and remembers the data key of a project.
//!
//! A project's key is made at its first blob. Of two services that make it at
//! once the owner keeps one, and both use that one; a crash before it is kept
//! loses a key that sealed nothing.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use katonic_domain::ProjectId;
use moka::future::Cache;

use crate::{
    error::Error,
    key::{DataKey, InstallationKey, WrappedKey},
};

/// Data keys kept unwrapped: 100 bytes each, and reading one again costs one look-up.
const REMEMBERED: u64 = 10_000;

/// Why the owner of data keys could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the owner of the data keys failed")]
pub struct DataKeysError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl DataKeysError {
    /// Wraps what the owner's store said.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Where wrapped data keys are kept: the database of the service that owns the blobs.
#[async_trait]
pub trait DataKeys: Send + Sync + 'static {
    /// The key of a project, if it has one.
    async fn find(&self, project: ProjectId) -> Result<Option<WrappedKey>, DataKeysError>;

    /// Keeps a key durably unless the project has one; answers the kept one.
    async fn keep(&self, project: ProjectId, key: WrappedKey) -> Result<WrappedKey, DataKeysError>;
}

/// The installation's key with the projects' keys that it opens.
#[derive(Clone)]
pub struct KeyRing {
    installation: Arc<InstallationKey>,
    kept: Arc<dyn DataKeys>,
    unwrapped: Cache<ProjectId, DataKey>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

impl KeyRing {
    /// A ring over the keys that `kept` holds.
    pub fn new(installation: InstallationKey, kept: Arc<dyn DataKeys>) -> Self {
        Self { installation: Arc::new(installation), kept, unwrapped: Cache::new(REMEMBERED) }
    }

    /// The data key of a project, made at its first use.
    pub(crate) async fn for_sealing(&self, project: ProjectId) -> Result<DataKey, Error> {
        if let Some(key) = self.unwrapped.get(&project).await {
            return Ok(key);
        }
        let kept = match self.kept.find(project).await? {
            Some(kept) => kept,
            None => self.kept.keep(project, self.installation.new_data_key(project)?.1).await?,
        };
        self.remember(project, &kept).await
    }

    /// The data key of a project that has one.
    pub(crate) async fn for_opening(&self, project: ProjectId) -> Result<Option<DataKey>, Error> {
        if let Some(key) = self.unwrapped.get(&project).await {
            return Ok(Some(key));
        }
        match self.kept.find(project).await? {
            Some(kept) => self.remember(project, &kept).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remember(&self, project: ProjectId, kept: &WrappedKey) -> Result<DataKey, Error> {
        let key = self.installation.unwrap(project, kept)?;
        self.unwrapped.insert(project, key.clone()).await;
        Ok(key)
    }
}
