//! Decides on a launch and pins what goes in (DESIGN X2).

use futures::try_join;
use katonic_domain::{CommitId, ProjectId, UserId};

use crate::{
    domain::tier::Tier,
    error::Error,
    git::Repositories,
    usecases::{access::Access, tiers::Tiers},
};

/// The branch that a launch without a commit takes.
const MAIN: &str = "refs/heads/main";

/// What a launch asks for.
pub struct Wanted {
    /// Who.
    pub user: UserId,
    /// Where.
    pub project: ProjectId,
    /// Tier name; empty means the default.
    pub tier: String,
    /// The input; none means the head of the main branch, or no files.
    pub commit: Option<CommitId>,
}

/// What a launch is given.
pub struct Pinned {
    /// The tier's present revision.
    pub tier: Tier,
    /// The input; none means no files.
    pub commit: Option<CommitId>,
}

/// Launches.
#[derive(Clone)]
pub struct Launches {
    access: Access,
    tiers: Tiers,
    repositories: Repositories,
}

impl Launches {
    /// Over decisions, tiers and repositories.
    pub const fn new(access: Access, tiers: Tiers, repositories: Repositories) -> Self {
        Self { access, tiers, repositories }
    }

    /// Decides and pins.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::ProjectArchived`], [`Error::UnknownTier`],
    /// [`Error::TierRetired`], [`Error::UnknownCommit`].
    pub async fn resolve(&self, wanted: Wanted) -> Result<Pinned, Error> {
        let project = self.access.project(wanted.user, "execution.launch", wanted.project).await?;
        project.state.must_be_in_use()?;
        let (tier, commit) = try_join!(self.tiers.for_launch(&wanted.tier), self.commit(&wanted))?;
        Ok(Pinned { tier, commit })
    }

    async fn commit(&self, wanted: &Wanted) -> Result<Option<CommitId>, Error> {
        match wanted.commit.clone() {
            Some(commit) => self.known(wanted.project, commit).await.map(Some),
            None => self.repositories.head(&wanted.project, MAIN).await.map_err(Error::Files),
        }
    }

    async fn known(&self, project: ProjectId, commit: CommitId) -> Result<CommitId, Error> {
        let known = self.repositories.has_commit(&project, &commit).await.map_err(Error::Files)?;
        known.then_some(commit).ok_or(Error::UnknownCommit)
    }
}
