//! The process that stays behind `up`: one keeper a part, and a conductor that
//! decides when the platform is up, has failed, or must stop.
//!
//! ```text
//! up ──starts──> supervisor ── keepers ──> store, epmd, rabbitmq, redis, services
//! down ──TERM──>     └── flock on <home>/lock, run/state.json
//! ```
//! Killed, it leaves everything running; the next `up` starts another, which
//! takes over what runs (DESIGN G3). It never owns a shim or the agent: those
//! are the dispatcher's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use katonic_member::ProcessIdentity;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    backend::Kind,
    configuration,
    error::Error,
    files,
    home::Home,
    keeper::Keeper,
    layout::Layout,
    lock::Lock,
    note::note,
    part::Part,
    site::Site,
    state::{Board, Failure, PartPhase, Phase, State},
    stop, topology,
};
use crate::exit::Exit;

/// Several times what all parts take together on two busy cores.
const START_LIMIT: Duration = Duration::from_mins(4);
/// A part that ended this often before everything was ready will not get ready.
const MAX_FAILURES: u32 = 5;

/// Arguments of the supervisor, as `up` gives them.
#[derive(Debug, Clone, clap::Args)]
pub struct SuperviseArgs {
    /// Where jobs run, where another backend than the kept one is wanted
    #[arg(long)]
    backend: Option<Kind>,
}

/// Runs the supervisor until it is told to stop. Started by `up` only.
///
/// # Errors
/// The platform did not get ready; `run/state.json` says where and why.
pub async fn supervise(args: &SuperviseArgs) -> Result<Exit, Error> {
    let home = Home::discover()?;
    // It fails only where this process leads a session already, which is as good.
    let _ = rustix::process::setsid();
    files::make_dir(home.root(), 0o700)?;
    files::make_dir(&home.root().join("run"), 0o700)?;
    let Some(_lock) = Lock::try_acquire(&home)? else {
        note("another supervisor is at work");
        return Ok(Exit::OK);
    };
    let identity = ProcessIdentity::own().map_err(|source| Error::Supervisor { action: "identify", source })?;
    let board = Arc::new(Board::new(home.state_file(), identity));
    board.save()?;
    let signals = Signals::new()?;
    note("started");
    match prepare(home, args.backend) {
        Ok(site) => supervise_site(site, board, signals).await,
        Err(error) => {
            fail(&board, Failure { part: None, cause: error.chain() });
            Err(error)
        }
    }
}

fn prepare(home: Home, backend: Option<Kind>) -> Result<Arc<Site>, Error> {
    let site = Site::load_or_create(home, Layout::OneMachine, backend)?;
    configuration::write(&site)?;
    Ok(site)
}

async fn supervise_site(site: Arc<Site>, board: Arc<Board>, signals: Signals) -> Result<Exit, Error> {
    let stops: BTreeMap<Part, CancellationToken> = Part::ALL.map(|part| (part, CancellationToken::new())).into();
    let keepers =
        stops.iter().map(|(part, stop)| Keeper::new(Arc::clone(&site), Arc::clone(&board), *part, stop.clone()).run());
    let topology = topology::keep(&site, &board, &stops[&Part::Rabbitmq]);
    let (_, (), ended) = tokio::join!(join_all(keepers), topology, conduct(&site, &board, &stops, signals));
    note("ended");
    ended
}

/// Waits for the start and for the order to stop, then stops everything in order.
async fn conduct(
    site: &Site,
    board: &Board,
    stops: &BTreeMap<Part, CancellationToken>,
    mut signals: Signals,
) -> Result<Exit, Error> {
    let failure = tokio::select! {
        started = started(board) => started.err(),
        () = signals.stop() => None,
    };
    let ended = match failure {
        None => {
            if board.state().all_ready(&Part::ALL) {
                note("up");
                board.change(|state| state.phase = Phase::Up);
                signals.stop().await;
            }
            board.change(|state| state.phase = Phase::Stopping);
            Ok(Exit::OK)
        }
        Some(failure) => {
            let cause = failure.cause.clone();
            fail(board, failure);
            Err(Error::NotReady(cause))
        }
    };
    stop_all(site, board, stops).await.and(ended)
}

/// Every part in order; what one of them does not let go of holds up no other.
async fn stop_all(site: &Site, board: &Board, stops: &BTreeMap<Part, CancellationToken>) -> Result<(), Error> {
    let mut agent = Ok(());
    for group in Part::STOPPING {
        for part in group {
            stops[part].cancel();
        }
        board.until(|state| state.all_stopped(group)).await;
        if group.contains(&Part::Dispatcher) {
            agent = stop::agent(&site.home).await;
        }
    }
    agent
}

fn fail(board: &Board, failure: Failure) {
    note(format_args!("failed: {}", failure.cause));
    board.change(|state| {
        state.phase = Phase::Failed;
        state.failure = Some(failure);
    });
}

/// Returns once every part is ready, or says which will not be.
async fn started(board: &Board) -> Result<(), Failure> {
    let decided = board.until(|state| state.all_ready(&Part::ALL) || hopeless(state).is_some());
    let in_time = timeout(START_LIMIT, decided).await.is_ok();
    let state = board.state();
    match hopeless(&state) {
        Some(failure) => Err(failure),
        None if in_time => Ok(()),
        None => Err(slowest(&state)),
    }
}

fn hopeless(state: &State) -> Option<Failure> {
    let (part, found) = state.parts.iter().find(|(_, part)| part.hopeless || part.failures >= MAX_FAILURES)?;
    Some(Failure { part: Some(*part), cause: found.cause.clone().unwrap_or_default() })
}

/// The first part that is being started and is not ready.
fn slowest(state: &State) -> Failure {
    let part = state.parts.iter().find(|(_, part)| !matches!(part.phase, PartPhase::Ready | PartPhase::Waiting));
    let cause = part.and_then(|(_, found)| found.cause.clone()).unwrap_or_else(|| "it took too long".to_owned());
    Failure { part: part.map(|(part, _)| *part), cause }
}

/// TERM and INT, both of which mean: stop.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(|source| Error::Supervisor { action: "listen to", source });
        Ok(Self { term: listen(SignalKind::terminate())?, int: listen(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(folder: &tempfile::TempDir) -> Board {
        Board::new(folder.path().join("state.json"), ProcessIdentity::own().expect("procfs"))
    }

    #[tokio::test]
    async fn it_is_started_once_all_parts_are_ready() {
        let folder = tempfile::tempdir().expect("a folder");
        let board = board(&folder);
        let (started, ()) = tokio::join!(started(&board), async {
            for part in Part::ALL {
                board.change_part(part, |state| state.phase = PartPhase::Ready);
            }
        });
        assert!(started.is_ok());
    }

    #[tokio::test]
    async fn a_part_that_cannot_run_fails_the_start_and_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let board = board(&folder);
        board.change_part(Part::Redis, |state| {
            state.hopeless = true;
            state.cause = Some("redis-server is missing".to_owned());
        });
        let failure = started(&board).await.expect_err("failed");
        assert_eq!((failure.part, failure.cause.as_str()), (Some(Part::Redis), "redis-server is missing"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let board = board(&folder);
        board.change_part(Part::Rabbitmq, |state| state.phase = PartPhase::Starting);
        assert_eq!(started(&board).await.expect_err("failed").part, Some(Part::Rabbitmq));
    }
}
