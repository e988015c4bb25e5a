//! Members as containers of an engine that speaks Docker's API, over its socket
//! (Docker, Podman).
//!
//! ```text
//!   members/<name>/          launch.json, ticket, …        the agent's and ours: not in the container
//!     orders/   ──ro──►  /katonic/orders     ┐
//!     answers/  ──rw──►  /katonic/answers    ├─ container <name>: user, group, limits of the attempt,
//!   work/<name>/ ─rw──►  /katonic/files      │  no network, read-only root; /katonic/shim is its
//!   katonic-shim ─ro──►  /katonic/shim       ┘  first process, user code its child
//! ```
//!
//! The engine says what is there. Shim and user code are one user in there, so
//! that the end of a member is the container's exit code, which user code
//! cannot choose: `settle` writes it beside the answers, where
//! the agent judges by it (ADR 24). All state is in the engine and the member
//! directories: a dispatcher that starts anew sees the same.

mod container;
mod engine;
mod image;
mod watch;

use std::{
    fs::{DirBuilder, Permissions},
    io,
    net::SocketAddr,
    ops::Range,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::{InstallationId, MemberId};
use katonic_member::{ContainerEnd, ExitReason, MemberDir, Members, UnixNanos, remove_folder, write_whole};
use katonic_service::runtime::spawn;
use tokio::sync::{RwLock, mpsc};
use tracing::instrument;

use self::{
    container::{Blueprint, Labels},
    engine::{Engine, Seen, State},
    image::{Image, Images},
};
use crate::{
    backend::{Backend, Error, Found, Order},
    domain::member::Member,
    reconcile::plan::Presence,
};

/// More than containers that can end in one moment on one machine.
const WATCH_DEPTH: usize = 4096;
/// Between the kill and the end of a removal, on a busy machine.
const REMOVAL: Duration = Duration::from_secs(1);
/// Holds the id of the container that was made for a member.
const MADE: &str = "container";

/// What the backend is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose containers they are.
    pub installation: InstallationId,
    /// The engine's socket.
    pub socket: PathBuf,
    /// The image that executions run in.
    pub image: String,
    /// Member directories; only root's (or the one user's).
    pub members: PathBuf,
    /// Working folders.
    pub work: PathBuf,
    /// The static `katonic-shim` program.
    pub shim: PathBuf,
    /// User ids for members; none where we are not root.
    pub uids: Option<Range<u32>>,
}

/// The backend. Clones share it.
#[derive(Debug, Clone)]
pub struct DockerBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    members: Members,
    engine: Engine,
    images: Images,
    labels: Labels,
    /// Held for reading while a container is made, for writing by who must know that none is.
    making: RwLock<()>,
    gone: Mutex<Option<mpsc::Receiver<MemberId>>>,
}

impl DockerBackend {
    /// Opens the member directories and begins to listen to the engine, which
    /// need not answer yet.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let (gone, receiver) = mpsc::channel(WATCH_DEPTH);
        let engine = Engine::at(settings.socket.clone());
        let inner = Inner {
            members: Members::open(&settings.members)?,
            images: Images::new(engine.clone(), settings.image.clone()),
            labels: Labels::of(settings.installation),
            making: RwLock::new(()),
            gone: Mutex::new(Some(receiver)),
            engine,
            settings,
        };
        let inner = Arc::new(inner);
        spawn("engine-watch", watch::run(Arc::downgrade(&inner), gone));
        Ok(Self { inner })
    }

    /// The member directories, for whoever keeps the agent.
    pub fn members(&self) -> &Members {
        &self.inner.members
    }
}

#[async_trait::async_trait]
impl Backend for DockerBackend {
    fn identities(&self) -> Option<Range<u32>> {
        self.inner.settings.uids.clone()
    }

    async fn environment_digest(&self) -> Result<String, Error> {
        Ok(self.inner.images.current().await?.digest)
    }

    #[instrument(skip_all, fields(member.id = %order.member.id))]
    async fn ensure(&self, order: Order<'_>) -> Result<(), Error> {
        let inner = &self.inner;
        let name = order.member.id.container_name();
        let dir = inner.members.member(&name)?;
        match inner.engine.inspect(&name, &inner.labels).await? {
            Some(Seen { state: State::Running, .. }) => Ok(()),
            Some(Seen { state: State::Created, .. }) => inner.engine.start(&name).await,
            // It may have run user code: nothing is started a second time.
            Some(_) if dir.may_go() => Ok(()),
            None if dir.may_go() && dir.path().join(MADE).exists() => Ok(()),
            Some(ended) => inner.make(&order, Some(ended)).await,
            None => inner.make(&order, None).await,
        }
    }

    async fn observe(&self, member: &MemberId) -> Result<Presence, Error> {
        self.inner.settle(member).await
    }

    async fn observe_all(&self) -> Result<Vec<Found>, Error> {
        let mut found = self.inner.engine.list(&self.inner.labels).await?;
        for dir in self.inner.members.list()? {
            if !found.iter().any(|found| found.name == dir.name()) {
                found.push(Found { name: dir.name().to_owned(), member: member_of(&dir) });
            }
        }
        Ok(found)
    }

    fn watch(&self) -> Option<mpsc::Receiver<MemberId>> {
        self.inner.gone.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    #[instrument(skip_all, fields(member.id = %member.id))]
    async fn delete(&self, member: &Member) -> Result<(), Error> {
        let inner = &self.inner;
        let name = member.id.container_name();
        // First the container: then nothing writes to the folders any more.
        if inner.engine.inspect(&name, &inner.labels).await?.is_some() {
            inner.engine.remove(&name).await?;
        }
        let (dir, work) = (inner.members.member(&name)?, inner.work(&name));
        blocking(move || {
            remove_folder(&work).map_err(Error::Remove)?;
            Ok(dir.remove()?)
        })
        .await
    }

    fn endpoint(&self, _member: &MemberId, _port: u16) -> Option<SocketAddr> {
        // Containers have no network.
        None
    }

    fn remarks(&self) -> Vec<(String, String)> {
        let mut remarks = vec![("disk limit", "not enforced")];
        if self.inner.settings.uids.is_none() {
            remarks.push(("isolation between executions", "by containers only: they share one user"));
        }
        remarks.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Inner {
    fn work(&self, name: &str) -> PathBuf {
        self.settings.work.join(name)
    }

    /// Makes the directory, the container, and starts it; one that ended before is replaced.
    async fn make(&self, order: &Order<'_>, before: Option<Seen>) -> Result<(), Error> {
        let name = order.member.id.container_name();
        let image = self.images.pinned(&order.execution.spec.image_digest).await?;
        let dir = self.directory(order, &image).await?;
        let blueprint =
            Blueprint { order, image: &image, dir: &dir, work: &self.work(&name), shim: &self.settings.shim };
        let container = blueprint.container(&self.labels);
        let making = self.making.read().await;
        if before.is_some() {
            self.engine.remove(&name).await?;
        }
        let id = self.engine.create(&name, container).await?;
        write_whole(&dir.path().join(MADE), id.as_bytes()).map_err(Error::Spawn)?;
        // What an earlier container came to is no longer so.
        dir.clear_container_end()?;
        drop(making);
        self.engine.start(&name).await
    }

    async fn directory(&self, order: &Order<'_>, image: &Image) -> Result<MemberDir, Error> {
        let name = order.member.id.container_name();
        let work = self.work(&name);
        let launch = container::launch(order, image, work.join(container::JOB));
        let inside = container::launch_inside(&launch);
        let (members, ticket) = (self.members.clone(), order.ticket.to_owned());
        blocking(move || {
            make_work(&work).map_err(Error::Spawn)?;
            Ok(members.create_contained(&name, &launch, &inside, &ticket)?)
        })
        .await
    }

    /// What the engine says about a member; an end is written down for its agent.
    async fn settle(&self, member: &MemberId) -> Result<Presence, Error> {
        let name = member.container_name();
        let dir = self.members.member(&name)?;
        let mut seen = self.engine.inspect(&name, &self.labels).await?;
        if end(seen, &dir).is_some() && dir.container_end()?.is_none() {
            if end(seen, &dir).is_some_and(|end| end.reason() == ExitReason::ShimLost) {
                // Who removes a running container kills it first.
                tokio::time::sleep(REMOVAL).await;
            }
            // Another may be made in its place just now: then this is the end of none.
            let _none_is_made = self.making.write().await;
            seen = self.engine.inspect(&name, &self.labels).await?;
            if let Some(end) = end(seen, &dir) {
                dir.set_container_end(&end)?;
            }
        }
        Ok(match seen.map(|seen| seen.state) {
            Some(State::Running) => Presence::Alive,
            Some(State::Created) => Presence::Dead,
            Some(State::Ended { exit_code, .. }) if ExitReason::from_shim_code(exit_code).is_some() => Presence::Exited,
            Some(State::Ended { .. }) => Presence::Dead,
            None if dir.exists() || self.work(&name).exists() => Presence::Dead,
            None => Presence::Absent,
        })
    }
}

/// How the container that was made for a member ended, if it has.
fn end(seen: Option<Seen>, dir: &MemberDir) -> Option<ContainerEnd> {
    let made = dir.path().join(MADE).exists();
    let (exit_code, out_of_memory, at) = match seen.map(|seen| seen.state) {
        Some(State::Running | State::Created) => return None,
        Some(State::Ended { exit_code, out_of_memory, at }) if dir.exists() => (Some(exit_code), out_of_memory, at),
        Some(State::Ended { .. }) => return None,
        None if made => (None, false, None),
        None => return None,
    };
    Some(ContainerEnd { exit_code, out_of_memory, seen: at.unwrap_or_else(UnixNanos::now) })
}

/// The folder that the container sees: only root makes anything directly in it.
fn make_work(work: &Path) -> io::Result<()> {
    if let Some(root) = work.parent() {
        DirBuilder::new().recursive(true).mode(0o711).create(root)?;
    }
    match DirBuilder::new().create(work) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Whatever the umask.
    std::fs::set_permissions(work, Permissions::from_mode(0o711))
}

fn member_of(dir: &MemberDir) -> Option<MemberId> {
    let launch = dir.launch().ok().flatten()?;
    let member: MemberId = launch.member_id.parse().ok()?;
    (member.container_name() == dir.name()).then_some(member)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Interrupted)?
}
