//! The one dual write: refs, then the project document (DESIGN W5).
//!
//! ```text
//!  begin ──▶ receive-pack moves refs ──▶ settle: seen ─▶ read refs ─▶ record ─┐
//!                                                  ▲────── moved ─────────────┘
//! ```
//!
//! A crash anywhere leaves the mark of `begin`; whoever finds it settles.

use futures::future::BoxFuture;
use katonic_domain::{ProjectId, Timestamp};
use katonic_store::StoreError;

use super::{
    Error, Repositories,
    files::{Head, PushId, Seen},
};

/// Rounds after which somebody else is left to settle: each lost round means
/// that another one recorded newer heads.
const ROUNDS: usize = 20;

/// What a recording came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the project.
    Done,
    /// Another recording came first: read again.
    Moved,
}

/// What the start of a push came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is noted in the project.
    Noted,
    /// The project is kept for reading only.
    Archived,
}

/// Pushes of a project that nobody settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The project.
    pub project: ProjectId,
    /// The pushes.
    pub pushes: Vec<PushId>,
}

/// The project documents' side of a push; see [`super::files::Files`].
pub trait Pushes: Send + Sync + 'static {
    /// Notes that a push starts, unless none may.
    fn begin(&self, project: ProjectId, push: PushId, now: Timestamp) -> BoxFuture<'_, Result<Begun, StoreError>>;

    /// How many recordings there were; to be asked before the refs are read.
    /// `None`: there is no such project.
    fn seen(&self, project: ProjectId) -> BoxFuture<'_, Result<Option<Seen>, StoreError>>;

    /// Writes heads and forgets pushes, if there was no recording since `seen`.
    fn record(
        &self,
        project: ProjectId,
        seen: Seen,
        pushes: Vec<PushId>,
        heads: Vec<Head>,
    ) -> BoxFuture<'_, Result<Recorded, StoreError>>;

    /// Some of the projects with pushes that started before a time.
    fn overdue(&self, before: Timestamp) -> BoxFuture<'_, Result<Vec<Overdue>, StoreError>>;
}

/// Brings a project up to its refs and forgets the pushes.
pub(super) async fn settle(
    pushes: &dyn Pushes,
    repositories: &Repositories,
    project: ProjectId,
    settled: &[PushId],
) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        let Some(seen) = pushes.seen(project).await.map_err(Error::Store)? else {
            return Err(Error::NotFound);
        };
        let heads = repositories.heads(&project).await?;
        match pushes.record(project, seen, settled.to_vec(), heads).await.map_err(Error::Store)? {
            Recorded::Done => return Ok(()),
            Recorded::Moved => {}
        }
    }
    Err(Error::Contended)
}
