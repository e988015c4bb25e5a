//! The files that an execution made or changed, brought back.
//!
//! ```text
//!  refs/katonic/results/<execution>/<attempt> ──fetch──> private repository
//!     changes = diff(input commit, results commit) ──checkout──> scratch beside the folder ──move──> folder
//! ```
//!
//! What must hold: nothing of the user's is lost. A file of the folder is
//! replaced only where it still is what the execution was given, or by force;
//! otherwise nothing at all is written and the conflicts are named. No path
//! leads out of the folder, whatever links an earlier result has left in it.
//! Files that the execution deleted stay. A crash leaves a scratch folder.

use std::{
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use katonic_domain::{CommitId, ExecutionId, ProjectId};
use katonic_proto::dispatcher::v1::Execution;

use crate::{
    cache,
    config::Endpoint,
    failure::Explain,
    git::{self, Repository},
};

mod place;
mod versions;

pub use self::versions::{Versions, versions};

/// Why the results are not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The execution has no readable ids or commits.
    #[error("the platform's answer has no readable {0}")]
    Unreadable(&'static str),
    /// There is no cache folder.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// Git failed.
    #[error("cannot fetch the results")]
    Git(#[from] git::Error),
    /// Files of the user's are in the way.
    #[error("{count} files are there already and differ, such as {}", first.display())]
    Conflicts {
        /// How many.
        count: usize,
        /// The first of them.
        first: PathBuf,
    },
    /// A path leads through something that is not a folder.
    #[error("{} is not a folder, so {} cannot be written", at.display(), path.display())]
    NotAFolder {
        /// What is not a folder.
        at: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Unreadable(_) => "use a `katonic` of the same version as the platform".to_owned(),
            Self::Cache(error) => error.next_step(),
            Self::Git(error @ (git::Error::Start(_) | git::Error::Prepare { .. })) => error.next_step(),
            Self::Git(_) => "look at `katonic status`, then repeat the command".to_owned(),
            Self::Conflicts { .. } => "name another folder by --into, or replace them by --force".to_owned(),
            Self::NotAFolder { .. } => "name another folder by --into".to_owned(),
            Self::Write { .. } => "free some space or name another folder by --into".to_owned(),
        }
    }
}

/// Where the results of an execution are, and what they are compared to.
#[derive(Debug, Clone)]
pub struct Source {
    project: ProjectId,
    execution: ExecutionId,
    attempt: u32,
    input: Option<CommitId>,
    results: CommitId,
}

impl Source {
    /// The results of `execution`; `None` where it made and changed nothing.
    pub fn of(execution: &Execution) -> Result<Option<Self>, Error> {
        if execution.results_commit.is_empty() {
            return Ok(None);
        }
        let input = execution.spec.as_ref().map(|spec| spec.input_commit.as_str()).filter(|input| !input.is_empty());
        let input = input.map(str::parse).transpose().map_err(|_| Error::Unreadable("input commit"))?;
        Ok(Some(Self {
            project: execution.project_id.parse().map_err(|_| Error::Unreadable("project id"))?,
            execution: execution.execution_id.parse().map_err(|_| Error::Unreadable("execution id"))?,
            attempt: execution.attempts.last().map_or(1, |attempt| attempt.number),
            input,
            results: execution.results_commit.parse().map_err(|_| Error::Unreadable("results commit"))?,
        }))
    }

    fn refname(&self) -> String {
        format!("refs/katonic/results/{}/{}", self.execution, self.attempt)
    }

    fn url(&self, endpoint: &Endpoint) -> String {
        format!("{}/git/{}.git", endpoint.url(), self.project)
    }

    /// What the results are compared to: the input, or no files.
    fn given(&self) -> &str {
        const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        self.input.as_ref().map_or(EMPTY_TREE, CommitId::as_str)
    }
}

/// What was done, by paths relative to the folder, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Written.
    pub written: Vec<PathBuf>,
    /// There already, and the same.
    pub unchanged: Vec<PathBuf>,
    /// Deleted by the execution, kept here.
    pub deleted: Vec<PathBuf>,
}

/// Brings the results of `source` into `folder`.
pub fn pull(source: &Source, endpoint: &Endpoint, folder: &Path, force: bool) -> Result<Pulled, Error> {
    let key = format!("{} {}", endpoint.url(), source.project);
    let repository = Repository::open(cache::folder("results", key.as_bytes())?)?;
    fetch(&repository, source, &source.url(endpoint), Some(endpoint))?;
    let changes = changes(&repository, source)?;
    place::place(&repository, source, &changes, folder, force)
}

/// Fetches the results and, unless they build on it, the input.
fn fetch(repository: &Repository, source: &Source, url: &str, endpoint: Option<&Endpoint>) -> Result<(), Error> {
    if !has(repository, &source.results) {
        fetch_ref(repository, url, &source.refname(), endpoint)?;
    }
    match &source.input {
        Some(input) if !has(repository, input) => {
            fetch_ref(repository, url, &format!("refs/katonic/snapshots/{input}"), endpoint)
        }
        _ => Ok(()),
    }
}

fn has(repository: &Repository, commit: &CommitId) -> bool {
    repository.git(["cat-file", "-e", &format!("{commit}^{{tree}}")]).run().is_ok()
}

fn fetch_ref(repository: &Repository, url: &str, name: &str, endpoint: Option<&Endpoint>) -> Result<(), Error> {
    let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", url, name];
    let git = repository.git(fetch);
    match endpoint {
        Some(endpoint) => git.with_access(endpoint),
        None => git,
    }
    .run()?;
    Ok(())
}

/// What the execution did to its files.
#[derive(Debug, Default)]
struct Changes {
    /// Made or changed.
    present: Vec<PathBuf>,
    deleted: Vec<PathBuf>,
}

fn changes(repository: &Repository, source: &Source) -> Result<Changes, Error> {
    let diff = ["diff-tree", "-r", "-z", "--no-renames", "--name-status", source.given(), source.results.as_str()];
    let output = repository.git(diff).run()?;
    let mut fields = output.split(|byte| *byte == 0);
    let mut changes = Changes::default();
    while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
        let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
        if status == b"D" { changes.deleted.push(path) } else { changes.present.push(path) }
    }
    Ok(changes)
}

/// Writes `paths` of `commit` below `into`; what the commit does not have is left out.
fn check_out(repository: &Repository, commit: &CommitId, paths: &[PathBuf], into: &Path) -> Result<(), Error> {
    let write = |source| Error::Write { path: into.to_owned(), source };
    fs::create_dir_all(into).map_err(write)?;
    let index = tempfile::Builder::new().prefix("index-").tempdir_in(repository.dir()).map_err(write)?;
    let index = index.path().join("index");
    repository.git(["read-tree", commit.as_str()]).over(into, &index).run()?;
    let input = paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"].concat()).collect();
    repository.git(["checkout-index", "--quiet", "-z", "--stdin"]).over(into, &index).input(input).run()?;
    Ok(())
}

#[cfg(test)]
mod tests;
