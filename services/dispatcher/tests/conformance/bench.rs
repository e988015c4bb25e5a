//! One member on one backend.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use katonic_dispatcher::{
    backend::{
        Backend, Order,
        docker::{self, DockerBackend},
        process::{self, ProcessBackend},
    },
    domain::{
        execution::{Execution, Identity, Number},
        member::{Member, TicketHash},
        params::Params,
        priority::Priority,
        retry::RetryPolicy,
        spec::{Command, Group, LaunchSpec, Tier},
        variables::Variables,
    },
    reconcile::plan::Presence,
};
use katonic_domain::{ExecutionId, InstallationId, MemberId, ProjectId, Tags, Timestamp, UserId};
use katonic_member::{
    Exit, Liveness, MemberDir, Members, Stop, StopReason,
    spool::{Content, Reader, Seq},
    verdict,
};
use katonic_testkit::engine::{Engine, TOOLS};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

/// Where members run.
#[derive(Clone)]
pub enum Where {
    Process,
    Engine(Arc<Engine>),
}

/// What a case may change of a job.
#[derive(Debug, Clone)]
pub struct Job {
    pub command: Vec<String>,
    pub timeout: Duration,
    pub grace: Duration,
    pub memory_bytes: u64,
    pub image: &'static str,
}

impl Job {
    /// A job of these words.
    pub fn of(command: &[&str]) -> Self {
        Self {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            timeout: PATIENCE,
            grace: PATIENCE,
            memory_bytes: 256 << 20,
            image: TOOLS,
        }
    }

    /// A job that a shell runs.
    pub fn script(script: &str) -> Self {
        Self::of(&["sh", "-c", script])
    }
}

/// One member of one job.
pub struct Bench {
    pub backend: Arc<dyn Backend>,
    pub place: Where,
    pub execution: Execution,
    pub member: Member,
    watch: Option<mpsc::Receiver<MemberId>>,
    members: Members,
    installation: InstallationId,
    image: &'static str,
    folder: TempDir,
}

impl Bench {
    /// A job that is not there yet.
    pub async fn new(place: Where, job: Job) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("katonic-conformance-").tempdir_in("/var/tmp")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let installation = InstallationId::generate();
        let (backend, members) = open(&place, installation, job.image, folder.path())?;
        let digest = backend.environment_digest().await?;
        let execution = execution(&job, digest)?;
        let member = member(&execution)?;
        let watch = backend.watch();
        Ok(Self { backend, place, execution, member, watch, members, installation, image: job.image, folder })
    }

    /// The same installation, seen by a dispatcher that starts anew.
    pub fn later(&self) -> Result<Arc<dyn Backend>> {
        Ok(open(&self.place, self.installation, self.image, self.folder.path())?.0)
    }

    pub fn name(&self) -> String {
        self.member.id.container_name()
    }

    /// The name of the folder that all of it is in.
    pub fn folder(&self) -> String {
        self.folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub fn engine(&self) -> Result<&Engine> {
        match &self.place {
            Where::Engine(engine) => Ok(engine),
            Where::Process => bail!("there is no engine here"),
        }
    }

    pub fn dir(&self) -> Result<MemberDir> {
        Ok(self.members.member(&self.name())?)
    }

    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work").join(self.name())
    }

    pub async fn ensure(&self) -> Result<()> {
        let order = Order { execution: &self.execution, member: &self.member, ticket: "kmt_conformance" };
        Ok(self.backend.ensure(order).await?)
    }

    /// As the agent: makes the folders and lets the shim go.
    pub fn go(&self) -> Result<()> {
        let launch = self.dir()?.launch()?.context("a launch")?;
        for folder in [launch.folder.clone(), launch.work_folder(), launch.temporary_folder()] {
            fs::create_dir_all(&folder)?;
            if let Some(user) = launch.run_as {
                std::os::unix::fs::chown(&folder, Some(user.uid), Some(user.gid))?;
            }
        }
        Ok(self.dir()?.go()?)
    }

    /// There and running.
    pub async fn start(place: Where, job: Job) -> Result<Self> {
        let bench = Self::new(place, job).await?;
        bench.ensure().await?;
        bench.go()?;
        Ok(bench)
    }

    /// Runs a job to its end; deletes what is left of it.
    pub async fn run(place: Where, job: Job) -> Result<(Exit, Vec<String>)> {
        let bench = Self::start(place, job).await?;
        let exit = bench.end().await?;
        let lines = bench.lines()?;
        bench.delete().await?;
        Ok((exit, lines))
    }

    pub fn order_stop(&self) -> Result<()> {
        Ok(self.dir()?.order_stop(&Stop { reason: StopReason::User, message: String::new() })?)
    }

    pub async fn presence(&self) -> Result<Presence> {
        Ok(self.backend.observe(&self.member.id).await?)
    }

    pub async fn becomes(&self, wanted: &[Presence]) -> Result<Presence> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let presence = self.presence().await;
            match presence {
                Ok(presence) if wanted.contains(&presence) => return Ok(presence),
                _ if Instant::now() > limit => bail!("it is {presence:?} and not {wanted:?}"),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// As the agent: what is judged once it is over.
    pub async fn end(&self) -> Result<Exit> {
        let dir = self.dir()?;
        if dir.is_contained() {
            self.becomes(&[Presence::Exited, Presence::Dead]).await?;
            return Ok(verdict(&dir, dir.container_end()?.context("what the engine says")?));
        }
        // Before its shim holds the lock it seems to be dead.
        self.becomes(&[Presence::Exited]).await?;
        dir.exit()?.context("an exit record")
    }

    /// The next hint, which must come.
    pub async fn hint(&mut self) -> Result<MemberId> {
        let watch = self.watch.as_mut().context("the one reader")?;
        tokio::time::timeout(PATIENCE, watch.recv()).await?.context("the backend ended")
    }

    pub fn lines(&self) -> Result<Vec<String>> {
        let records = Reader::open(self.dir()?.spool(), Seq::FIRST).read(usize::MAX)?;
        let text = |content: Content| match content {
            Content::Line { data, .. } => String::from_utf8_lossy(&data).into_owned(),
            Content::Gap { .. } => "GAP".to_owned(),
        };
        Ok(records.into_iter().map(|record| text(record.content)).collect())
    }

    pub async fn line(&self, wanted: &str) -> Result<()> {
        let limit = Instant::now() + PATIENCE;
        while !self.lines()?.iter().any(|line| line == wanted) {
            ensure!(Instant::now() < limit, "no line {wanted:?} but {:?}", self.lines()?);
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Kills the shim from outside.
    pub fn kill(&self) -> Result<()> {
        if let Where::Engine(engine) = &self.place {
            return engine.post(&format!("/containers/{}/kill?signal=KILL", self.name()));
        }
        let Liveness::Running(Some(shim)) = self.dir()?.liveness()? else { bail!("it does not run") };
        let pid = rustix::process::Pid::from_raw(shim.pid).context("a process id")?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)?)
    }

    /// Nothing is left, however often it is asked.
    pub async fn delete(&self) -> Result<()> {
        for _ in 0..2 {
            self.backend.delete(&self.member).await?;
            ensure!(self.presence().await? == Presence::Absent, "something is left");
            ensure!(!self.dir()?.exists() && !self.work().exists(), "folders are left");
        }
        Ok(())
    }
}

fn open(
    place: &Where,
    installation: InstallationId,
    image: &str,
    folder: &Path,
) -> Result<(Arc<dyn Backend>, Members)> {
    let (members, work, shim) = (folder.join("members"), folder.join("work"), shim()?);
    // One for each member, of which there is one here.
    let uids = rustix::process::geteuid().is_root().then_some(0..1);
    match place {
        Where::Process => {
            let settings = process::Settings { members, work, shim, path: "/usr/bin:/bin".into(), uids };
            let backend = ProcessBackend::open(settings)?;
            let members = backend.members().clone();
            Ok((Arc::new(backend), members))
        }
        Where::Engine(engine) => {
            let image = image.to_owned();
            let settings = docker::Settings { installation, socket: engine.socket(), image, members, work, shim, uids };
            let backend = DockerBackend::open(settings)?;
            let members = backend.members().clone();
            Ok((Arc::new(backend), members))
        }
    }
}

/// The static program that `just build` made.
fn shim() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let shim = own.ancestors().map(|folder| folder.join("dist/katonic-shim")).find(|shim| shim.exists());
    shim.context("build the programs first: just build")
}

fn execution(job: &Job, image_digest: String) -> Result<Execution> {
    let identity = Identity {
        id: ExecutionId::generate(),
        project: ProjectId::generate(),
        number: Number(1),
        owner: UserId::generate(),
        title: "conformance".to_owned(),
        tags: Tags::default(),
        rerun_of: None,
        schedule: None,
        after: Vec::new(),
    };
    let millis = |duration: Duration| u64::try_from(duration.as_millis());
    let spec = LaunchSpec {
        command: Command::try_new(job.command.clone()).map_err(anyhow::Error::msg)?,
        input_commit: None,
        environment: "host".parse()?,
        image_digest,
        tier: Tier {
            name: "small".parse()?,
            revision: 1,
            cpu_millis: 1_000,
            memory_bytes: job.memory_bytes,
            max_running: 1,
            price_micros_per_hour: 0,
            currency: String::new(),
        },
        timeout_ms: millis(job.timeout)?,
        grace_ms: millis(job.grace)?,
        groups: vec![Group { role: "main".parse()?, size: 1 }],
        params: Params::default(),
        env: Variables::default(),
        priority: Priority::default(),
        retry: RetryPolicy::default(),
    };
    Ok(Execution::queued(identity, spec, Timestamp::UNIX_EPOCH))
}

fn member(execution: &Execution) -> Result<Member> {
    // Cases run at the same time: one user each.
    let random = RandomState::new().build_hasher().finish();
    let uid = 1_000_000_000 + u32::try_from(random % 1_000_000_000)?;
    Ok(Member {
        id: MemberId { execution: execution.id, attempt: 1, role: "main".parse()?, index: 0 },
        execution: execution.id,
        project: execution.project,
        owner: Some(execution.owner),
        tier: execution.spec.tier.name.clone(),
        open: true,
        holding: true,
        uid: rustix::process::geteuid().is_root().then_some(uid),
        ticket_hash: TicketHash(String::new()),
        nonce: None,
        checkpoints: Vec::new(),
        admitted_at: Timestamp::UNIX_EPOCH,
    })
}
