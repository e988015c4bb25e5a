//! Members as processes of this machine, for users who trust each other (X7).
//!
//! ```text
//!   members/<name>/   launch.json, ticket ── ensure ──► katonic-shim <dir>   (root, flock for life)
//!   work/<name>/      made by the agent                   └─► the command    (the attempt's own uid)
//! ```
//!
//! All state is in the member directories: a dispatcher that starts anew sees
//! the same as the one before it, and adopts what runs. Where we are not root,
//! members share our uid and [`Backend::remarks`] says what that means.

mod host;
mod path;
pub mod pidfd;
mod shims;

use std::{
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use katonic_domain::MemberId;
use katonic_member::{Launch, Limit, Liveness, MemberDir, Members, Resource, RunAs, Which, kill_all, remove_folder};
use katonic_service::telemetry;
use tokio::sync::{OnceCell, mpsc};
use tracing::instrument;

use self::{path::Walker, shims::Shims};
use crate::{
    backend::{Backend, Error, Found, MAX_PROCESSES, Order},
    domain::member::Member,
    reconcile::plan::Presence,
};

/// More than shims that can end in one moment on one machine.
const WATCH_DEPTH: usize = 4096;

/// What the backend is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Member directories; only root's (or the one user's).
    pub members: PathBuf,
    /// Working folders; user code can traverse it.
    pub work: PathBuf,
    /// The `katonic-shim` program.
    pub shim: PathBuf,
    /// The installation's PATH.
    pub path: OsString,
    /// User ids for members; none where we are not root.
    pub uids: Option<Range<u32>>,
}

/// The backend. Clones share it.
#[derive(Debug, Clone)]
pub struct ProcessBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    members: Members,
    shims: Shims,
    gone: Mutex<Option<mpsc::Receiver<MemberId>>>,
    digest: OnceCell<String>,
}

impl ProcessBackend {
    /// Opens the member directories and begins to watch every shim that lives.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let members = Members::open(&settings.members)?;
        let (gone, receiver) = mpsc::channel(WATCH_DEPTH);
        let shims = Shims::new(settings.shim.clone(), gone);
        let inner = Inner { settings, members, shims, gone: Mutex::new(Some(receiver)), digest: OnceCell::new() };
        let backend = Self { inner: Arc::new(inner) };
        for dir in backend.inner.members.list()? {
            if let (Some(member), Liveness::Running(Some(identity))) = (member_of(&dir), dir.liveness()?) {
                backend.inner.shims.adopt(member, &identity);
            }
        }
        Ok(backend)
    }

    /// The member directories, for whoever keeps the agent.
    pub fn members(&self) -> &Members {
        &self.inner.members
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| Error::Interrupted)?
    }
}

#[async_trait::async_trait]
impl Backend for ProcessBackend {
    fn identities(&self) -> Option<Range<u32>> {
        self.inner.settings.uids.clone()
    }

    async fn environment_digest(&self) -> Result<String, Error> {
        let read = || self.blocking(|inner| host::digest(&inner.settings.path).map_err(Error::Environment));
        self.inner.digest.get_or_try_init(read).await.cloned()
    }

    #[instrument(skip_all, fields(member.id = %order.member.id))]
    async fn ensure(&self, order: Order<'_>) -> Result<(), Error> {
        let launch = self.inner.launch(&order);
        let member = order.member.id.clone();
        let ticket = order.ticket.to_owned();
        let dir = self
            .blocking(move |inner| {
                let dir = inner.members.create(&member.container_name(), &launch, &ticket)?;
                let alive = matches!(dir.liveness()?, Liveness::Running(_));
                Ok((!alive && dir.exit()?.is_none()).then_some(dir))
            })
            .await?;
        match dir {
            Some(dir) => self.inner.shims.start(&order.member.id, &dir),
            None => Ok(()),
        }
    }

    async fn observe(&self, member: &MemberId) -> Result<Presence, Error> {
        let name = member.container_name();
        self.blocking(move |inner| Ok(presence(&inner.members.member(&name)?)?)).await
    }

    async fn observe_all(&self) -> Result<Vec<Found>, Error> {
        self.blocking(|inner| {
            let found = |dir: MemberDir| Found { name: dir.name().to_owned(), member: member_of(&dir) };
            Ok(inner.members.list()?.into_iter().map(found).collect())
        })
        .await
    }

    fn watch(&self) -> Option<mpsc::Receiver<MemberId>> {
        self.inner.gone.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    #[instrument(skip_all, fields(member.id = %member.id))]
    async fn delete(&self, member: &Member) -> Result<(), Error> {
        let name = member.id.container_name();
        let uid = member.uid;
        self.blocking(move |inner| inner.remove(&name, uid)).await
    }

    fn endpoint(&self, _member: &MemberId, port: u16) -> Option<SocketAddr> {
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn remarks(&self) -> Vec<(String, String)> {
        let mut remarks = vec![("memory limit", "not enforced"), ("cpu limit", "not enforced")];
        remarks.push(("network isolation", "not enforced"));
        if self.inner.settings.uids.is_none() {
            remarks.push(("isolation between executions", "not enforced: they share one user"));
            remarks.push(("process limit", "not enforced"));
        }
        remarks.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Inner {
    fn launch(&self, order: &Order<'_>) -> Launch {
        let Order { execution, member, ticket: _ } = order;
        let run_as = member.uid.map(|uid| RunAs { uid, gid: uid });
        Launch {
            member_id: member.id.to_string(),
            execution_id: execution.id.to_string(),
            project_id: execution.project.to_string(),
            attempt: member.id.attempt,
            command: execution.spec.command.items().to_vec(),
            variables: execution.spec.variables(),
            path: self.path_for(run_as),
            folder: self.settings.work.join(member.id.container_name()),
            run_as,
            timeout: Duration::from_millis(execution.spec.timeout_ms),
            grace: execution.spec.grace(),
            limits: limits(run_as),
            spool_limit_bytes: None,
            traceparent: telemetry::traceparent(),
        }
    }

    fn path_for(&self, run_as: Option<RunAs>) -> String {
        match run_as {
            Some(RunAs { uid, gid }) => Walker { uid, gid }.reachable(&self.settings.path),
            None => self.settings.path.to_string_lossy().into_owned(),
        }
    }

    /// The shim first, so that nothing new is started; then all of the uid's
    /// processes; then the files. Each step may find nothing to do.
    fn remove(&self, name: &str, uid: Option<u32>) -> Result<(), Error> {
        let dir = self.members.member(name)?;
        if let Liveness::Running(Some(shim)) = dir.liveness()?
            && shim.is_alive().map_err(Error::Remove)?
        {
            end_session(shim.pid).map_err(Error::Remove)?;
        }
        if let Some(uid) = uid {
            kill_all(Which::User(uid)).map_err(Error::Remove)?;
        }
        remove_folder(&self.settings.work.join(name)).map_err(Error::Remove)?;
        dir.remove()?;
        Ok(())
    }
}

/// Kills a shim's descendants, then the shim itself.
fn end_session(pid: i32) -> io::Result<()> {
    kill_all(Which::DescendantsOf(pid))?;
    kill_all(Which::Session(pid))?;
    let shim = rustix::process::Pid::from_raw(pid);
    match shim.map(|shim| rustix::process::kill_process(shim, rustix::process::Signal::KILL)) {
        Some(Err(error)) if error != rustix::io::Errno::SRCH => Err(error.into()),
        _ => Ok(()),
    }
}

fn limits(run_as: Option<RunAs>) -> Vec<Limit> {
    let mut limits = vec![Limit { resource: Resource::CoreBytes, value: 0 }];
    // The kernel counts processes by user: a shared user would share the limit.
    limits.extend(run_as.map(|_| Limit { resource: Resource::Processes, value: MAX_PROCESSES }));
    limits
}

fn member_of(dir: &MemberDir) -> Option<MemberId> {
    let launch = dir.launch().ok().flatten()?;
    let member: MemberId = launch.member_id.parse().ok()?;
    (member.container_name() == dir.name()).then_some(member)
}

fn presence(dir: &MemberDir) -> katonic_member::Result<Presence> {
    if !dir.exists() {
        return Ok(Presence::Absent);
    }
    Ok(match dir.liveness()? {
        Liveness::Running(_) => Presence::Alive,
        Liveness::NeverStarted | Liveness::Gone(_) if dir.exit()?.is_some() => Presence::Exited,
        Liveness::NeverStarted | Liveness::Gone(_) => Presence::Dead,
    })
}

#[cfg(test)]
mod tests;
