//! Finds members and serves each in a task of its own.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use katonic_member::{MemberDir, Members};
use katonic_service::{Shutdown, runtime, telemetry};
use tokio::{task::JoinHandle, time::timeout};
use tracing::{Instrument, Span, field::Empty, info, info_span};

use crate::{
    arguments::Arguments,
    git::Cache,
    life,
    usage::Sampler,
    watch::{Watch, Watcher},
};

/// How often the folder is looked at though nothing was heard.
const LOOK: Duration = Duration::from_secs(5);

/// What all members are served with.
#[derive(Debug)]
pub struct Node {
    /// Base URI of the gateway.
    pub gateway: String,
    /// Commits that were fetched before.
    pub cache: Cache,
    /// Tells of changes in member directories.
    pub watcher: Watcher,
    /// Sees what runs.
    pub sampler: Sampler,
}

/// Why the agent cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another agent serves the folder.
    #[error("another agent serves {}", .0.display())]
    Taken(PathBuf),
    /// The members' folder cannot be used.
    #[error("the members' folder cannot be used")]
    Members(#[from] katonic_member::Error),
    /// Nothing can be watched.
    #[error("the members' folder cannot be watched")]
    Watch(#[source] std::io::Error),
    /// The cache cannot be used.
    #[error("the cache of input commits cannot be used")]
    Cache(#[source] std::io::Error),
}

/// Serves until shutdown, which cuts everything off where it is.
pub async fn run(arguments: Arguments, shutdown: Shutdown) -> Result<(), Error> {
    let members = Members::open(&arguments.members)?;
    let _lock = members.lock_for_agent()?.ok_or_else(|| Error::Taken(arguments.members.clone()))?;
    members.sweep()?;
    let watcher = Watcher::start().map_err(Error::Watch)?;
    let appeared = watcher.watch_folder(members.path()).map_err(Error::Watch)?;
    let cache = Cache::open(arguments.git_cache).map_err(Error::Cache)?;
    let node = Arc::new(Node { gateway: arguments.gateway, cache, watcher, sampler: Sampler::new() });
    info!(members = %members.path().display(), "serving");
    let serving = async {
        tokio::select! {
            served = serve(&members, &node, &appeared) => served,
            // It goes on for ever.
            () = node.sampler.run() => Ok(()),
        }
    };
    shutdown.run_until_cancelled(serving).await.unwrap_or(Ok(()))
}

async fn serve(members: &Members, node: &Arc<Node>, appeared: &Watch) -> Result<(), Error> {
    let mut served: HashMap<MemberDir, JoinHandle<()>> = HashMap::new();
    loop {
        // One whose task broke off is there still, and is served again.
        served.retain(|_, task| !task.is_finished());
        for member in members.list()? {
            served.entry(member).or_insert_with_key(|member| start(node, member.clone()));
        }
        // Both ways one looks again.
        let _ = timeout(LOOK, appeared.changed()).await;
    }
}

fn start(node: &Arc<Node>, member: MemberDir) -> JoinHandle<()> {
    let (node, span) = (Arc::clone(node), span_of(&member));
    runtime::spawn("member", async move { life::serve(&node, &member).instrument(span).await })
}

/// Goes on with the trace of the launch, as user code does.
fn span_of(member: &MemberDir) -> Span {
    let span = info_span!(parent: None, "member", member.name = member.name(), trace_id = Empty);
    let launch = member.launch().ok().flatten();
    telemetry::set_parent(&span, launch.and_then(|launch| launch.traceparent).as_deref());
    span
}
