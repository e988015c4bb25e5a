//! Sealed blobs in an object store.
//!
//! A blob is written whole or not at all, and is on disk with its folder when
//! `put` answers (the local store writes beside, syncs, renames and syncs the
//! folder). A crash in between leaves a staging file that no path names.

use std::{fmt, io, path::Path as FilePath, sync::Arc};

use bytes::Bytes;
use futures::{TryStreamExt as _, future::ready};
use katonic_domain::ProjectId;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, local::LocalFileSystem, path::Path};

use crate::{
    error::Error,
    path::BlobPath,
    ring::KeyRing,
    seal::{self, sealed_len},
};

/// From here on sealing takes longer than moving the work to another thread (about 50 µs).
const OFFLOAD_LEN: usize = 64 * 1024;

/// Blobs of one service.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    ring: KeyRing,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("store", &self.store.to_string()).finish_non_exhaustive()
    }
}

impl Blobs {
    /// Blobs in a local folder, which is made where there is none. Every write is synced.
    pub fn local(folder: &FilePath, ring: KeyRing) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|source| store_error(folder, source))?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), ring })
    }

    /// Seals `plain` and writes it at `path`, replacing what was there.
    pub async fn put(&self, project: ProjectId, path: &BlobPath, plain: Bytes) -> Result<(), Error> {
        let sealed = self.seal(project, path, plain).await?;
        self.put_sealed(path, sealed).await
    }

    /// Writes at `path` what [`Self::seal`] made for it.
    pub async fn put_sealed(&self, path: &BlobPath, sealed: Bytes) -> Result<(), Error> {
        self.store.put(&location(path), PutPayload::from_bytes(sealed)).await?;
        Ok(())
    }

    /// Reads the blob at `path`, of at most `cap` plain bytes.
    pub async fn get(&self, project: ProjectId, path: &BlobPath, cap: u64) -> Result<Bytes, Error> {
        let found = self.store.get(&location(path)).await?;
        let len = found.meta.size;
        if len > sealed_len(cap) {
            return Err(Error::TooLarge { len, cap });
        }
        let sealed = found.bytes().await?;
        self.open(project, path, sealed).await
    }

    /// Deletes the blob at `path`; that there is none is no error.
    pub async fn delete(&self, path: &BlobPath) -> Result<(), Error> {
        match self.store.delete(&location(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The blobs below `folder`, in no order.
    pub async fn list(&self, folder: &BlobPath) -> Result<Vec<BlobPath>, Error> {
        let folder = location(folder);
        let found = self.store.list(Some(&folder));
        let paths = found.try_filter_map(|blob| ready(Ok(blob.location.as_ref().parse().ok())));
        Ok(paths.try_collect().await?)
    }

    /// Seals `plain` for `path` without writing it: for what is small enough to lie in a document.
    pub async fn seal(&self, project: ProjectId, path: &BlobPath, plain: Bytes) -> Result<Bytes, Error> {
        let key = self.ring.for_sealing(project).await?;
        let path = path.clone();
        let len = plain.len();
        offloaded(len, move || seal::seal(&key, &path, &plain).map(Bytes::from)).await
    }

    /// Opens what was sealed for `path`.
    pub async fn open(&self, project: ProjectId, path: &BlobPath, sealed: Bytes) -> Result<Bytes, Error> {
        let id = seal::key_id(&sealed)?;
        let key = self.ring.for_opening(project).await?.ok_or(Error::UnknownKey(id))?;
        let path = path.clone();
        let len = sealed.len();
        offloaded(len, move || seal::open(&key, &path, &sealed).map(Bytes::from)).await
    }
}

/// Runs `work` here, or on the blocking pool where `len` makes it long.
async fn offloaded<F>(len: usize, work: F) -> Result<Bytes, Error>
where
    F: FnOnce() -> Result<Bytes, Error> + Send + 'static,
{
    if len < OFFLOAD_LEN {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Cancelled)?
}

fn location(path: &BlobPath) -> Path {
    Path::from(path.as_str())
}

fn store_error(folder: &FilePath, source: io::Error) -> Error {
    let source = Box::new(io::Error::new(source.kind(), format!("{}: {source}", folder.display())));
    Error::from(object_store::Error::Generic { store: "LocalFileSystem", source })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use async_trait::async_trait;
    use katonic_domain::error::Classified as _;

    use super::*;
    use crate::{DataKeys, DataKeysError, InstallationKey, WrappedKey};

    /// Data keys in a map, behind the same rule as a database: the first one stays.
    #[derive(Default)]
    struct Kept(Mutex<HashMap<ProjectId, WrappedKey>>);

    #[async_trait]
    impl DataKeys for Kept {
        async fn find(&self, project: ProjectId) -> Result<Option<WrappedKey>, DataKeysError> {
            Ok(self.0.lock().expect("not poisoned").get(&project).cloned())
        }

        async fn keep(&self, project: ProjectId, key: WrappedKey) -> Result<WrappedKey, DataKeysError> {
            Ok(self.0.lock().expect("not poisoned").entry(project).or_insert(key).clone())
        }
    }

    struct Fixture {
        dir: tempfile::TempDir,
        kept: Arc<Kept>,
    }

    impl Fixture {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().expect("a folder"), kept: Arc::default() }
        }

        /// Blobs as a newly started service sees them.
        fn blobs(&self) -> Blobs {
            let key = InstallationKey::load_or_create(&self.dir.path().join("key")).expect("a key");
            let ring = KeyRing::new(key, self.kept.clone());
            Blobs::local(&self.dir.path().join("blobs"), ring).expect("blobs")
        }
    }

    fn path(text: &str) -> BlobPath {
        text.parse().expect("a path")
    }

    #[tokio::test]
    async fn a_blob_survives_a_restart_and_is_not_plain_on_disk() {
        let fixture = Fixture::new();
        let project = ProjectId::generate();
        let plain = Bytes::from("secret line\n".repeat(20_000));
        fixture.blobs().put(project, &path("logs/a/1"), plain.clone()).await.expect("written");
        assert_eq!(fixture.blobs().get(project, &path("logs/a/1"), 1 << 20).await.expect("read"), plain);
        let on_disk = std::fs::read(fixture.dir.path().join("blobs/logs/a/1")).expect("the file");
        assert!(!on_disk.windows(6).any(|w| w == b"secret"));
    }

    #[tokio::test]
    async fn a_blob_moved_to_another_path_or_project_does_not_open() {
        let fixture = Fixture::new();
        let (project, other) = (ProjectId::generate(), ProjectId::generate());
        let blobs = fixture.blobs();
        for (owner, place) in [(project, "a"), (other, "b")] {
            blobs.put(owner, &path(place), Bytes::from_static(b"line")).await.expect("written");
        }
        std::fs::copy(fixture.dir.path().join("blobs/a"), fixture.dir.path().join("blobs/c")).expect("copied");
        assert!(matches!(blobs.get(project, &path("c"), 100).await, Err(Error::Damaged)));
        assert!(matches!(blobs.get(other, &path("a"), 100).await, Err(Error::UnknownKey(_))));
    }

    #[tokio::test]
    async fn what_is_missing_or_too_large_is_stated() {
        let fixture = Fixture::new();
        let project = ProjectId::generate();
        let blobs = fixture.blobs();
        assert!(matches!(blobs.get(project, &path("none"), 1).await, Err(Error::NotFound)));
        blobs.put(project, &path("big"), Bytes::from(vec![0; 1001])).await.expect("written");
        let refused = blobs.get(project, &path("big"), 1000).await.expect_err("too large");
        assert_eq!(refused.reason(), "BLOB_TOO_LARGE");
        assert!(blobs.get(project, &path("big"), 1001).await.is_ok());
        blobs.put(project, &path("folder/a"), Bytes::new()).await.expect("written");
        assert_eq!(blobs.list(&path("folder")).await.expect("listed"), [path("folder/a")]);
        assert_eq!(blobs.list(&path("none")).await.expect("listed"), []);
        blobs.delete(&path("big")).await.expect("deleted");
        blobs.delete(&path("big")).await.expect("deleted twice");
    }
}
