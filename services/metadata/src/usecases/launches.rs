//! Decides on a launch and pins what goes in (DESIGN X2).

use katonic_domain::{CommitId, ProjectId, UserId};

use crate::{
    domain::tier::Tier,
    error::Error,
    git::Repositories,
    usecases::{access::Access, projects::Projects, tiers::Tiers},
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
    projects: Projects,
    tiers: Tiers,
    repositories: Repositories,
}

impl Launches {
    /// Over decisions, projects, tiers and repositories.
    pub fn new(access: Access, projects: Projects, tiers: Tiers, repositories: Repositories) -> Self {
        Self { access, projects, tiers, repositories }
    }

    /// Decides and pins.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::ProjectArchived`], [`Error::UnknownTier`],
    /// [`Error::TierRetired`], [`Error::UnknownCommit`].
    pub async fn resolve(&self, wanted: Wanted) -> Result<Pinned, Error> {
        self.access.require(wanted.user, "execution.launch", &wanted.project.to_string()).await?;
        self.projects.get(wanted.project).await?.state.must_be_in_use()?;
        let tier = self.tiers.for_launch(&wanted.tier).await?;
        let commit = match wanted.commit {
            Some(commit) => Some(self.known(wanted.project, commit).await?),
            None => self.repositories.head(&wanted.project, MAIN).await.map_err(Error::Files)?,
        };
        Ok(Pinned { tier, commit })
    }

    async fn known(&self, project: ProjectId, commit: CommitId) -> Result<CommitId, Error> {
        let known = self.repositories.has_commit(&project, &commit).await.map_err(Error::Files)?;
        known.then_some(commit).ok_or(Error::UnknownCommit)
    }
}
