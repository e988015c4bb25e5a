//! Replicas over one store, one Redis and one folder, and an agent that ships to them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use katonic_domain::{Clock, ExecutionId, InstallationId, MemberId, ProjectId, SystemClock, Timestamp};
use katonic_log_streamer::{
    Config, Logs,
    app::{Deps, NoEvents},
    config::BlobsSection,
    domain::{Batch, Content, Record, Seq, Stream as Output},
    error::Error,
    usecases::{
        follow::{ExecutionView, Followed, MemberView},
        live::LiveLog,
        page::{PageEnd, Query},
    },
};
use katonic_proto::envelope::Source;
use katonic_service::{
    Secret, Shutdown,
    config::{
        InstallationSection, KeysSection, LogSection, PeersSection, RedisSection, ServiceSection, TelemetrySection,
    },
    runtime::Tasks,
};
use katonic_store::{Store, StoreConfig};
use katonic_testkit::{redis::Redis, store::store};

/// One store, one Redis, one folder.
pub struct Harness {
    pub redis: Redis,
    pub project: ProjectId,
    pub member: MemberId,
    database: StoreConfig,
    folder: tempfile::TempDir,
}

/// One running log-streamer, without its port.
pub struct Replica {
    pub logs: Logs,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Harness {
    pub async fn start() -> anyhow::Result<Self> {
        Self::with_redis_memory("64mb").await
    }

    pub async fn with_redis_memory(maxmemory: &str) -> anyhow::Result<Self> {
        let member = member(ExecutionId::generate(), 1)?;
        Ok(Self {
            redis: Redis::start(maxmemory).await?,
            project: ProjectId::generate(),
            member,
            database: store().await?.database(),
            folder: tempfile::tempdir()?,
        })
    }

    /// Starts another replica over the same parts.
    pub async fn replica(&self) -> anyhow::Result<Replica> {
        self.replica_at(Arc::new(SystemClock)).await
    }

    /// As [`Self::replica`], by another clock.
    pub async fn replica_at(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Replica> {
        let source =
            Source { installation: InstallationId::generate(), service: "log-streamer".to_owned(), incarnation: 1 };
        let store = Store::connect(&self.database, source, Arc::new(NoEvents), Arc::new(SystemClock)).await?;
        let blobs = BlobsSection { dir: self.blobs(), key_file: self.folder.path().join("key") };
        let (tasks, shutdown) = (Tasks::default(), Shutdown::new());
        let deps = Deps { tasks: tasks.clone(), shutdown: shutdown.clone(), clock };
        let logs = Logs::build(&store, &blobs, &self.redis.uri(), deps).await?;
        Ok(Replica { logs, tasks, shutdown })
    }

    /// Files in the blob folder.
    pub fn blob_count(&self) -> io::Result<usize> {
        count(&self.blobs())
    }

    /// A blob that no manifest lists, as a crash between two writes leaves it.
    pub fn leave_orphan(&self) -> io::Result<()> {
        let folder = self.blobs().join(format!("logs/{}/{}", self.project, self.member.container_name()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("9-9-0123456789abcdef"), b"sealed")
    }

    /// What a served replica is configured with.
    pub fn config(&self, keys: KeysSection) -> anyhow::Result<Config> {
        let nobody = "http://127.0.0.1:1".to_owned();
        Ok(Config {
            service: ServiceSection { listen: "127.0.0.1:0".parse()? },
            installation: InstallationSection { id: InstallationId::generate(), incarnation: 1 },
            keys,
            store: self.database.clone(),
            redis: RedisSection { uri: Secret::new(self.redis.uri()) },
            blobs: BlobsSection { dir: self.blobs(), key_file: self.folder.path().join("key") },
            peers: PeersSection { metadata: Some(nobody.clone()), dispatcher: Some(nobody), ..PeersSection::default() },
            log: LogSection::default(),
            telemetry: TelemetrySection::default(),
        })
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    pub async fn open(&self, replica: &Replica) -> Result<Arc<LiveLog>, Error> {
        replica.logs.ingest.open(&self.member, self.project).await
    }

    /// Every record of the member's log, as a replica reads it page by page.
    pub async fn read_all(&self, replica: &Replica) -> anyhow::Result<(Vec<Record>, bool)> {
        let mut records = Vec::new();
        let mut from = Seq::FIRST;
        loop {
            let query = Query { from, limit: 10_000, only: None };
            let page = replica.logs.reader.page(&self.member, query).await?;
            records.extend(page.records);
            let complete = page.end == PageEnd::Closed;
            if complete || page.next == from {
                return Ok((records, complete));
            }
            from = page.next;
        }
    }
}

impl Replica {
    /// Ends it as TERM does: what is buffered is kept.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.finish().await;
    }
}

fn count(folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += if path.is_dir() { count(&path)? } else { 1 };
    }
    Ok(files)
}

pub fn member(execution: ExecutionId, attempt: u32) -> anyhow::Result<MemberId> {
    Ok(MemberId { execution, attempt, role: "main".parse()?, index: 0 })
}

/// A line whose bytes say its number; every seventh on stderr, every tenth not UTF-8.
pub fn line(seq: u64) -> Record {
    let stream = if seq.is_multiple_of(7) { Output::Stderr } else { Output::Stdout };
    let data = if seq.is_multiple_of(10) {
        [b"\xff", seq.to_string().as_bytes()].concat()
    } else {
        format!("line {seq}").into()
    };
    let content = Content::Line { stream, data: Bytes::from(data), continued: false };
    Record { seq: Seq::new(seq), time: Timestamp::UNIX_EPOCH, content }
}

pub fn lines(first: u64, last: u64) -> Batch {
    Batch::try_new((first..=last).map(line).collect()).expect("consecutive")
}

/// That records are exactly the lines 1 to `last`.
pub fn must_be_lines(records: &[Record], last: u64) -> anyhow::Result<()> {
    for (record, seq) in records.iter().zip(1..) {
        ensure!(*record == line(seq), "{seq} is {record:?}");
    }
    ensure!(records.len() as u64 == last, "{} of {last} records", records.len());
    Ok(())
}

/// An execution as the dispatcher would show it.
pub fn view(project: ProjectId, members: &[(&MemberId, bool)], ended: bool) -> ExecutionView {
    let members = members.iter().map(|(id, open)| MemberView { id: (*id).clone(), open: *open }).collect();
    ExecutionView { project, members, ended }
}

/// These views, then none for ever.
pub fn views(views: Vec<ExecutionView>) -> impl Stream<Item = Result<ExecutionView, Error>> + Send + Unpin {
    stream::iter(views).map(Ok).chain(stream::pending())
}

/// Everything that is followed until the end.
pub async fn to_the_end(parts: impl Stream<Item = Result<Followed, Error>>) -> anyhow::Result<Vec<Record>> {
    let mut all = Vec::new();
    let mut parts = std::pin::pin!(parts);
    while let Some(part) = parts.next().await {
        match part? {
            Followed::Records { records, .. } => all.extend(records),
            Followed::Ended { .. } => return Ok(all),
        }
    }
    None.context("it ended without saying so")
}
