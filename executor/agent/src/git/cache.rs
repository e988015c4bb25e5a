//! Input commits that this machine has fetched before: one bare repository a
//! project. A commit that is there has a ref, written after its objects; a crash
//! in between fetches it again. Nothing is removed while the installation has
//! no safe deletion (DESIGN W5).

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use katonic_domain::{CommitId, ProjectId};
use katonic_service::Secret;
use tokio::sync::Mutex;

use super::{Error, Repository};

/// Why a commit is not here.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Its repository cannot be used.
    #[error("the cache of input commits cannot be used")]
    Directory(#[source] io::Error),
    /// It was not fetched.
    #[error("the input commit cannot be fetched")]
    Fetch(#[source] Error),
}

/// All of a machine's input commits.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    /// One fetch at a time for a project: the second finds what the first brought.
    busy: std::sync::Mutex<HashMap<ProjectId, Arc<Mutex<()>>>>,
}

impl Cache {
    /// Opens it, making it where there is none.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, busy: std::sync::Mutex::default() })
    }

    /// The repository of a project.
    pub fn repository(&self, project: &ProjectId) -> io::Result<Repository> {
        Repository::open(self.folder.join(format!("{project}.git")), None)
    }

    /// A project's repository that holds a commit; fetched where it is not there yet.
    pub async fn commit(
        &self,
        project: &ProjectId,
        commit: &CommitId,
        remote: &str,
        token: &Secret<String>,
    ) -> Result<Repository, CacheError> {
        let repository = self.repository(project).map_err(CacheError::Directory)?;
        let name = format!("refs/katonic/inputs/{commit}");
        let here = repository.path().join(&name);
        if here.exists() {
            return Ok(repository);
        }
        let turn = self.turn(project);
        let _turn = turn.lock().await;
        if !here.exists() {
            let refspec = format!("{commit}:{name}");
            let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, &refspec];
            repository.transfer(token, &fetch).await.map_err(CacheError::Fetch)?;
        }
        Ok(repository)
    }

    fn turn(&self, project: &ProjectId) -> Arc<Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(busy.entry(*project).or_default())
    }
}
