//! Replicas of the search-indexer over one database, without their ports.

use std::{collections::BTreeSet, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use futures::{Stream, StreamExt as _};
use katonic_domain::{Clock as _, InstallationId, ProjectId, SystemClock, UserId};
use katonic_proto::envelope::Source;
use katonic_search_indexer::{
    app::NoEvents,
    domain::{Cursor, Projects, Visible},
    error::Error,
    index::{folder::Folder, live::Present},
    store::{Feed, FeedRow, Wanted},
    tasks::indexing::Indexing,
    usecases::{
        append::Appender,
        follow::{Filter, Follower, Start, Step},
        heads::Heads,
        rebuild::Rebuilds,
        resync::Resync,
        search::Searching,
    },
};
use katonic_service::{Shutdown, runtime::Tasks};
use katonic_store::{Store, StoreConfig};
use katonic_testkit::store::store;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::owner::Owner;

/// Far longer than anything takes; only ends a hopeless wait.
pub const LIMIT: Duration = Duration::from_secs(120);

/// An owner, and a database for replicas.
pub struct World {
    pub owner: Owner,
    pub database: StoreConfig,
    folder: TempDir,
}

/// One running search-indexer.
pub struct Replica {
    pub feed: Feed,
    pub appender: Appender,
    pub resync: Resync,
    pub follower: Follower,
    pub searching: Searching,
    pub present: Present,
    pub rebuilds: Rebuilds,
    store: Store,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl World {
    pub async fn start() -> anyhow::Result<Self> {
        let mut database = store().await?.database();
        database.lease_term_ms = 2_000;
        Ok(Self { owner: Owner::start().await?, database, folder: tempfile::tempdir()? })
    }

    /// A replica with an index folder of its own, named so.
    pub async fn replica(&self, name: &str) -> anyhow::Result<Replica> {
        let source =
            Source { installation: InstallationId::generate(), service: "search-indexer".to_owned(), incarnation: 1 };
        let store = Store::connect(&self.database, source, Arc::new(NoEvents), Arc::new(SystemClock)).await?;
        let feed = Feed::open(store.clone(), SystemClock.now()).await?;
        let (heads, present, rebuilds) = (Heads::default(), Present::default(), Rebuilds::default());
        let (tasks, shutdown) = (Tasks::default(), Shutdown::new());
        let owners = self.owner.owners()?;
        let appender = Appender::new(feed.clone(), owners.clone(), heads.clone());
        let indexing = Indexing {
            folder: Folder::open(self.index(name))?,
            feed: feed.clone(),
            heads: heads.clone(),
            present: present.clone(),
            rebuilds: rebuilds.clone(),
        };
        tasks.spawn("heads", heads.clone().look(feed.clone(), shutdown.clone()));
        tasks.spawn("index", indexing.run(shutdown.clone()));
        Ok(Replica {
            resync: Resync::new(feed.clone(), owners, appender.clone()),
            follower: Follower::new(feed.clone(), heads.clone()),
            searching: Searching::new(present.clone(), feed.clone(), heads.clone(), Arc::new(SystemClock)),
            appender,
            present,
            rebuilds,
            feed,
            store,
            tasks,
            shutdown,
        })
    }

    pub fn index(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Replica {
    /// Waits until the lease is its own.
    pub async fn leads(&self) -> anyhow::Result<()> {
        timeout(LIMIT, self.feed.lease().acquired()).await?.context("the store was closed")?;
        Ok(())
    }

    /// The whole feed.
    pub async fn rows(&self) -> anyhow::Result<Vec<FeedRow>> {
        let head = self.feed.head().await?.n;
        let (mut rows, mut n) = (Vec::new(), 0);
        while n < head {
            let window = self.feed.window(n, head, &Wanted::default()).await?;
            n = window.up_to;
            rows.extend(window.rows);
        }
        Ok(rows)
    }

    /// Waits until the index shows the whole feed.
    pub async fn indexed(&self) -> anyhow::Result<()> {
        let head = self.feed.head().await?.n;
        let live = timeout(LIMIT, self.present.opened()).await?.context("an index")?;
        timeout(LIMIT, live.reaches(head)).await.context("the index does not catch up")
    }

    /// Follows as somebody who may see this.
    pub async fn follow(&self, start: Start, filter: Filter, visible: Visible) -> anyhow::Result<Steps> {
        let start = self.follower.start(start).await?;
        let steps = self.follower.clone().follow(start, filter, move || {
            let visible = visible.clone();
            async move { Ok(visible) }
        });
        Ok(Steps(Box::pin(steps)))
    }

    /// Ends it as TERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.finish().await;
        self.store.close().await;
    }
}

/// What a follower gets.
pub struct Steps(Pin<Box<dyn Stream<Item = Result<Step, Error>> + Send>>);

impl Steps {
    /// The next event, passing over what only moves the cursor; and where to go on.
    pub async fn event(&mut self) -> anyhow::Result<(FeedRow, Cursor)> {
        loop {
            let step = timeout(LIMIT, self.0.next()).await?.context("it ended")??;
            if let Some(row) = step.event {
                return Ok((row, step.cursor));
            }
        }
    }

    /// Waits until the cursor is at `n`; there must be no event on the way.
    pub async fn passes(&mut self, n: u64) -> anyhow::Result<()> {
        loop {
            let step = timeout(LIMIT, self.0.next()).await?.context("it ended")??;
            ensure!(step.event.is_none(), "{step:?}");
            if step.cursor.n >= n {
                return Ok(());
            }
        }
    }
}

/// Who may see everything.
pub fn admin() -> Visible {
    Visible { reader: UserId::generate(), admin: true, projects: Projects::All, executions: Projects::All }
}

/// Who may see some projects.
pub fn reader(projects: &[ProjectId]) -> Visible {
    let projects = Projects::Some(Arc::new(projects.iter().copied().collect::<BTreeSet<_>>()));
    Visible { reader: UserId::generate(), admin: false, projects: projects.clone(), executions: projects }
}
