//! Bare repositories on disk: made at first use, asked about refs and commits.
//!
//! Must hold: a repository is there whole or not at all (made aside, renamed);
//! its path is made of a parsed project id and nothing else. A crash while
//! making one leaves a folder that starts with a dot and is never looked at.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use katonic_domain::{CommitId, ProjectId};
use tokio::{process::Command, task::spawn_blocking};

use super::{Error, files::Head};

const FORMAT: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
const FIRST_BRANCH: &str = "ref: refs/heads/main\n";

/// The repositories of the installation; cheap to clone.
#[derive(Debug, Clone)]
pub struct Repositories {
    folder: PathBuf,
}

impl Repositories {
    /// Those in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// A project's repository, whether it is there or not.
    pub fn path(&self, project: &ProjectId) -> PathBuf {
        self.folder.join(format!("{project}.git"))
    }

    /// Makes a project's repository unless it is there.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn ensure(&self, project: &ProjectId) -> Result<(), Error> {
        let path = self.path(project);
        if path.is_dir() {
            return Ok(());
        }
        let (folder, made) = (self.folder.clone(), path.clone());
        let making = spawn_blocking(move || create(&folder, &made)).await.unwrap_or_else(|died| Err(died.into()));
        making.map_err(|source| Error::Folder { path, source })
    }

    /// Whether a commit is in a project's repository.
    ///
    /// # Errors
    /// Git cannot be run.
    pub async fn has_commit(&self, project: &ProjectId, commit: &CommitId) -> Result<bool, Error> {
        let path = self.path(project);
        if !path.is_dir() {
            return Ok(false);
        }
        let status = git(&path)
            .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
            .status()
            .await
            .map_err(|source| Error::Process { step: "started", source })?;
        Ok(status.success())
    }

    /// Where one branch stands, such as `refs/heads/main`.
    ///
    /// # Errors
    /// Git cannot be run.
    pub async fn head(&self, project: &ProjectId, name: &str) -> Result<Option<CommitId>, Error> {
        let heads = self.heads(project).await?;
        Ok(heads.into_iter().find(|head| head.name == name).map(|head| head.commit))
    }

    /// The branches, by name.
    ///
    /// # Errors
    /// Git cannot be run or the repository cannot be read.
    pub async fn heads(&self, project: &ProjectId) -> Result<Vec<Head>, Error> {
        let path = self.path(project);
        if !path.is_dir() {
            return Ok(Vec::new());
        }
        let output = git(&path)
            .args(["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .await
            .map_err(|source| Error::Process { step: "started", source })?;
        if !output.status.success() {
            let detail = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::Failed { step: "for-each-ref", detail });
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(head).collect())
    }

    /// Removes lock files that a killed Git left, older than any push may last;
    /// answers how many.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub async fn remove_stale_locks(&self, project: &ProjectId, older_than: Duration) -> Result<usize, Error> {
        let path = self.path(project);
        let folder = path.clone();
        let removing =
            spawn_blocking(move || remove_locks(&folder, older_than)).await.unwrap_or_else(|died| Err(died.into()));
        removing.map_err(|source| Error::Folder { path, source })
    }
}

fn head(line: &str) -> Option<Head> {
    let (commit, name) = line.split_once(' ')?;
    Some(Head { name: name.to_owned(), commit: commit.parse().ok()? })
}

/// Git on one of our repositories, with nobody's configuration.
fn git(repository: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
        .env("GIT_DIR", repository)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

fn create(folder: &Path, path: &Path) -> io::Result<()> {
    let aside = folder.join(format!(".new-{}", uuid::Uuid::now_v7()));
    for part in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
        fs::create_dir_all(aside.join(part))?;
    }
    for (name, content) in [("HEAD", FIRST_BRANCH), ("config", FORMAT)] {
        let file = aside.join(name);
        fs::write(&file, content)?;
        File::open(file)?.sync_all()?;
    }
    File::open(&aside)?.sync_all()?;
    match fs::rename(&aside, path) {
        Ok(()) => File::open(folder)?.sync_all(),
        // Somebody else was faster: a folder is not renamed over one that has content.
        Err(_) if path.is_dir() => fs::remove_dir_all(&aside),
        Err(error) => Err(error),
    }
}

fn remove_locks(repository: &Path, older_than: Duration) -> io::Result<usize> {
    let mut folders = vec![repository.join("refs")];
    let mut removed = 0;
    for name in ["HEAD.lock", "packed-refs.lock", "packed-refs.new"] {
        removed += usize::from(remove_if_older(&repository.join(name), older_than)?);
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "lock") {
                removed += usize::from(remove_if_older(&entry.path(), older_than)?);
            }
        }
    }
    Ok(removed)
}

fn remove_if_older(path: &Path, age: Duration) -> io::Result<bool> {
    let modified = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if SystemTime::now().duration_since(modified).is_ok_and(|since| since > age) {
        fs::remove_file(path)?;
        return Ok(true);
    }
    Ok(false)
}
