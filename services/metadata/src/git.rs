//! The Git role: projects' files as bare repositories, behind smart HTTP.
//!
//! ```text
//!  git client ─▶ gateway ─60 s token─▶ http ─▶ access ─AccessService.Check─▶ role api
//!                                       │
//!                                       ├─▶ pushes: push_pending, then heads (W5) ─▶ store
//!                                       └─▶ exchange ⇄ git http-backend ⇄ <repositories>/<project>.git
//! ```
//!
//! Refs are the truth for files; the project document follows them. Who may
//! move which ref:
//!
//! | ref | user with files:write | agent |
//! |---|---|---|
//! | `refs/heads/*`, `refs/tags/*` | yes | not shown |
//! | `refs/katonic/snapshots/<commit>` | when the name is the commit | not shown |
//! | `refs/katonic/results/<execution>/<attempt>` | not shown to pushes | its own |
//!
//! Must hold: nothing is ever pruned; a push that is cut off moves no ref
//! halfway; what is not smart HTTP of a well-formed project id does not exist.
//! A crash here leaves a `push_pending` entry, which the sweeper settles.

mod access;
mod backend;
mod error;
mod exchange;
pub mod files;
mod http;
mod policy;
mod pushes;
pub mod repos;
mod sweep;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use katonic_domain::Clock;
use katonic_service::{auth::Verifier, runtime::Shutdown};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

pub use access::{Permissions, RemotePermissions};
pub use error::Error;
pub use pushes::{Begun, Overdue, Pushes, Recorded};
pub use repos::Repositories;

use backend::Backend;

/// `[git]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitSection {
    /// Folder of the repositories.
    pub repositories: PathBuf,
    /// Hard limit of one request, pushes included, in seconds. Default 900:
    /// the largest pack over 10 Mbit/s.
    #[serde(default = "default_time_limit_s")]
    pub time_limit_s: u64,
    /// Largest pack that a push may bring, in bytes. Default 1 GiB.
    #[serde(default = "default_max_pack_bytes")]
    pub max_pack_bytes: u64,
    /// Requests served at once; each is up to three processes. Default 32.
    #[serde(default = "default_max_concurrent")]
    pub max_concurrent: usize,
}

impl GitSection {
    /// A section with the defaults.
    pub fn new(repositories: impl Into<PathBuf>) -> Self {
        Self {
            repositories: repositories.into(),
            time_limit_s: default_time_limit_s(),
            max_pack_bytes: default_max_pack_bytes(),
            max_concurrent: default_max_concurrent(),
        }
    }

    const fn time_limit(&self) -> Duration {
        Duration::from_secs(self.time_limit_s)
    }
}

const fn default_time_limit_s() -> u64 {
    900
}

const fn default_max_pack_bytes() -> u64 {
    1 << 30
}

const fn default_max_concurrent() -> usize {
    32
}

/// What the role needs from elsewhere.
#[derive(Clone)]
pub struct Ports {
    /// Believes internal tokens.
    pub verifier: Verifier,
    /// Decides who may.
    pub permissions: Arc<dyn Permissions>,
    /// The projects' side of a push.
    pub pushes: Arc<dyn Pushes>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// The role, ready to serve; cheap to clone.
#[derive(Clone)]
pub struct Git(Arc<Inner>);

struct Inner {
    backend: Backend,
    repositories: Repositories,
    ports: Ports,
    section: GitSection,
    slots: Arc<Semaphore>,
}

impl Git {
    /// Prepares the folder of repositories and finds Git.
    ///
    /// # Errors
    /// There is no Git, or the folder cannot be written.
    pub async fn build(section: GitSection, ports: Ports) -> Result<Self, Error> {
        let repositories = Repositories::new(&section.repositories);
        let backend = Backend::prepare(&section).await?;
        let slots = Arc::new(Semaphore::new(section.max_concurrent));
        Ok(Self(Arc::new(Inner { backend, repositories, ports, section, slots })))
    }

    /// Smart HTTP under `/git/`; it authenticates by itself.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Settles pushes that nobody settled, until shutdown.
    pub async fn sweep(&self, shutdown: Shutdown) {
        sweep::run(self, shutdown).await;
    }

    /// Settles them once; answers how many projects were settled.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn sweep_once(&self) -> Result<usize, Error> {
        sweep::once(self).await
    }
}
