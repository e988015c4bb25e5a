//! A folder as a commit: what `katonic run` sends along.
//!
//! ```text
//!  folder ──walk──> paths ──update-index──> private index ──write-tree──> tree
//!   (.gitignore, no .git)      (stat cache)                  commit-tree ──> commit ──push──> refs/katonic/snapshots/<commit>
//! ```
//!
//! What must hold: the folder and the user's `.git` are only read; the commit
//! depends on nothing but the files, so an unchanged folder has the same one
//! and needs no push; two snapshots of one folder at once do not disturb each
//! other (a lock around the index). Git's own index keeps the files' times, so
//! that only what changed is read again: a warm snapshot takes milliseconds.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use katonic_domain::{CommitId, ProjectId};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::{
    cache,
    config::Endpoint,
    failure::Explain,
    git::{self, Repository},
    text,
};

pub mod walk;

pub use walk::Listing;

/// The tree without entries.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be listed.
    #[error("cannot list the folder")]
    Walk(#[source] ignore::Error),
    /// It holds more than the cap.
    #[error(
        "the folder has {} of files, more than the {} that a snapshot may have; the largest is {} ({})",
        text::bytes(*total),
        text::bytes(walk::CAP),
        largest.display(),
        text::bytes(*largest_size)
    )]
    TooLarge {
        /// Bytes in all files.
        total: u64,
        /// The largest file, relative to the folder.
        largest: PathBuf,
        /// Its bytes.
        largest_size: u64,
    },
    /// There is no cache folder.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The lock cannot be taken.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// Git failed.
    #[error("cannot take a snapshot of the folder")]
    Git(#[from] git::Error),
    /// Git answered something else than a commit id.
    #[error("git answered `{0}` where a commit id was due")]
    NotACommit(String),
}

impl Explain for Error {
    fn next_step(&self) -> String {
        match self {
            Self::Walk(_) => "make the folder readable, or list what cannot be read in .gitignore".to_owned(),
            Self::TooLarge { largest, .. } => {
                format!("list what the job does not need in .gitignore, such as `{}`", largest.display())
            }
            Self::Cache(error) => error.next_step(),
            Self::Lock { path, .. } => format!("make {} writable, or set XDG_CACHE_HOME", path.display()),
            Self::Git(error @ (git::Error::Start(_) | git::Error::Prepare { .. })) => error.next_step(),
            Self::Git(_) => "make the named files readable, or list them in .gitignore".to_owned(),
            Self::NotACommit(_) => "install git 2.32 or newer and put it on PATH".to_owned(),
        }
    }
}

/// The snapshots of one folder.
#[derive(Debug, Clone)]
pub struct Snapshots {
    folder: PathBuf,
    repository: Repository,
}

impl Snapshots {
    /// The snapshots of `folder`, an absolute path, kept in the user's cache.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let dir = cache::folder("snapshots", folder.as_os_str().as_bytes())?;
        Self::kept_in(folder, dir)
    }

    /// The snapshots of `folder`, kept in `dir`.
    pub fn kept_in(folder: &Path, dir: PathBuf) -> Result<Self, Error> {
        Ok(Self { folder: folder.to_owned(), repository: Repository::open(dir)? })
    }

    /// Makes the commit of the folder as it is; `None` where it holds no files.
    pub fn take(&self) -> Result<Option<CommitId>, Error> {
        let listing = walk::list(&self.folder)?;
        let _lock = self.lock()?;
        self.update_index(&listing)?;
        let tree = self.git(["write-tree"]).text()?;
        if tree == EMPTY_TREE {
            return Ok(None);
        }
        let commit = self.commit(&tree)?;
        commit.parse().map(Some).map_err(|_| Error::NotACommit(commit))
    }

    /// Brings the private index to exactly what was listed.
    fn update_index(&self, listing: &Listing) -> Result<(), Error> {
        let listed: HashSet<&[u8]> = listing.paths().collect();
        let known = self.git(["ls-files", "-z"]).run()?;
        let gone = known.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !listed.contains(path));
        let mut removals = Vec::new();
        for path in gone {
            removals.extend_from_slice(b"0 0000000000000000000000000000000000000000\t");
            removals.extend_from_slice(path);
            removals.push(0);
        }
        if !removals.is_empty() {
            self.git(["update-index", "-z", "--index-info"]).input(removals).run()?;
        }
        // A file that vanished since it was listed is removed, not an error.
        let update = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"];
        self.git(update).input(listing.nul_separated()).run()?;
        Ok(())
    }

    fn commit(&self, tree: &str) -> Result<String, Error> {
        let mut git = self.git(["commit-tree", "-m", "Snapshot", tree]);
        for role in ["AUTHOR", "COMMITTER"] {
            git = git
                .env(&format!("GIT_{role}_NAME"), "Katonic")
                .env(&format!("GIT_{role}_EMAIL"), "snapshots@katonic.invalid")
                .env(&format!("GIT_{role}_DATE"), "@0 +0000");
        }
        Ok(git.text()?)
    }

    fn git<const N: usize>(&self, arguments: [&str; N]) -> git::Git {
        self.repository.git(arguments).over(&self.folder, &self.index())
    }

    fn index(&self) -> PathBuf {
        self.repository.dir().join("index")
    }

    /// Waits for the lock of the index; it is released with the answer.
    fn lock(&self) -> Result<File, Error> {
        let path = self.repository.dir().join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.and_then(|file| Ok(flock(&file, FlockOperation::LockExclusive).map(|()| file)?));
        let lock = lock.map_err(|source| Error::Lock { path, source })?;
        // Under our lock, Git's own can only be left over from a git that was killed.
        let _ = fs::remove_file(self.index().with_extension("lock"));
        Ok(lock)
    }

    /// Whether `commit` is the last one that was pushed to the project.
    pub fn is_pushed(&self, commit: &CommitId, endpoint: &Endpoint, project: ProjectId) -> bool {
        let remembered = fs::read_to_string(self.pushed_file(endpoint, project));
        remembered.is_ok_and(|remembered| remembered == commit.as_str())
    }

    /// Pushes `commit` to the project's repository and remembers that.
    pub fn push(&self, commit: &CommitId, endpoint: &Endpoint, project: ProjectId) -> Result<(), git::Error> {
        let url = format!("{}/git/{project}.git", endpoint.url());
        let name = format!("refs/katonic/snapshots/{commit}");
        let refspec = format!("{commit}:{name}");
        let push = ["push", "--quiet", "--no-verify", "--no-follow-tags", &url, &refspec];
        if let Err(error) = self.repository.git(push).with_access(endpoint).run() {
            // Whoever pushes the same files at the same moment makes Git refuse the second.
            let there = self.repository.git(["ls-remote", "--exit-code", &url, &name]).with_access(endpoint);
            there.run().map_err(|_not_there| error)?;
        }
        // Only a memory: without it the next run pushes again, to no effect.
        let _ = git::put(&self.pushed_file(endpoint, project), commit.as_str());
        Ok(())
    }

    fn pushed_file(&self, endpoint: &Endpoint, project: ProjectId) -> PathBuf {
        let key = Sha256::digest(format!("{} {project}", endpoint.url()));
        self.repository.dir().join(format!("pushed-{}", hex::encode(&key[..16])))
    }
}

/// Whether a path component is what Git would take for its own.
fn is_git_dir_name(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
}

#[cfg(test)]
mod tests;
