//! Keeps one part running: takes it over or starts it, waits until it is
//! ready, starts it again when it ends, stops it when asked.
//!
//! ```text
//! waiting ──> starting ──> ready ──> stopped
//!                ▲  │        │
//!                └── restarting (growing pause)
//! ```
//! A crash here leaves the part running; the next supervisor takes it over.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    error::Error,
    files, launch,
    note::note,
    part::Part,
    prepare,
    probe::{self, NotReady},
    process::Process,
    site::Site,
    state::{Board, PartPhase},
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A part that ran for this long begins with the first pause again.
const SETTLED: Duration = Duration::from_secs(30);
/// Between two questions whether a part is ready.
const PROBE_PAUSE: Duration = Duration::from_millis(20);

/// The keeper of one part.
pub struct Keeper {
    site: Arc<Site>,
    board: Arc<Board>,
    part: Part,
    stop: CancellationToken,
    pause: Duration,
}

/// How a run of the part ended.
enum Ended {
    /// By itself.
    Alone(String),
    /// Since it was asked to.
    Asked,
}

impl Keeper {
    /// A keeper that works until `stop` is cancelled.
    pub const fn new(site: Arc<Site>, board: Arc<Board>, part: Part, stop: CancellationToken) -> Self {
        Self { site, board, part, stop, pause: FIRST_PAUSE }
    }

    /// Keeps the part running until it is asked to stop, then stops it.
    pub async fn run(mut self) {
        let needs = self.part.needs();
        let mut found = self.take_over();
        if found.is_none() {
            tokio::select! {
                () = self.board.until(|state| state.all_ready(needs)) => {}
                () = self.stop.cancelled() => return self.stopped(),
            }
        }
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            let cause = match found.take().map_or_else(|| launch::start(&self.site, self.part), Ok) {
                Ok(process) => match self.attend(process).await {
                    Ended::Asked => break,
                    Ended::Alone(cause) => cause,
                },
                Err(error) => self.not_started(&error),
            };
            if begun.elapsed() >= SETTLED {
                self.pause = FIRST_PAUSE;
            }
            self.rest(cause).await;
        }
        self.stopped();
    }

    /// The part's process of an earlier supervisor.
    fn take_over(&self) -> Option<Process> {
        let file = self.site.home.identity(self.part.name());
        let process = Process::adopt(&file).unwrap_or_else(|error| {
            note(format_args!("{}: cannot take over: {error}", self.part));
            None
        })?;
        self.board.change_part(self.part, |state| state.adopted = true);
        Some(process)
    }

    /// From a running process to its end.
    async fn attend(&self, mut process: Process) -> Ended {
        self.board.change_part(self.part, |state| {
            state.phase = PartPhase::Starting;
            state.pid = Some(process.pid());
        });
        let became_ready = async {
            self.until_ready().await;
            self.board.change_part(self.part, |state| {
                state.phase = PartPhase::Ready;
                state.cause = None;
            });
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = process.wait() => Some(ended),
            () = self.stop.cancelled() => None,
            () = became_ready => None,
        };
        match ended {
            Some(Ok(Some(status))) => Ended::Alone(format!("it ended with {status}")),
            Some(Ok(None)) => Ended::Alone("it ended".to_owned()),
            Some(Err(error)) => Ended::Alone(format!("it cannot be watched: {error}")),
            None => {
                self.stop_process(&mut process).await;
                Ended::Asked
            }
        }
    }

    /// Asks and prepares until both succeed.
    async fn until_ready(&self) {
        let mut last = String::new();
        while let Err(not_ready) = self.try_ready().await {
            let cause = not_ready.to_string();
            if cause != last {
                self.board.change_part(self.part, |state| state.cause = Some(cause.clone()));
                last = cause;
            }
            sleep(PROBE_PAUSE).await;
        }
    }

    async fn try_ready(&self) -> Result<(), NotReady> {
        // A process that does not listen yet is not worth a whole question.
        probe::listening(&self.site, self.part).await?;
        prepare::prepare(&self.site, self.part).await.map_err(|error| NotReady::because(&error))?;
        probe::ready(&self.site, self.part).await
    }

    async fn stop_process(&self, process: &mut Process) {
        if let Err(error) = process.stop(self.part.stop_limit()).await {
            note(format_args!("{}: cannot stop: {error}", self.part));
        }
    }

    fn not_started(&self, error: &Error) -> String {
        let hopeless = error.is_final();
        self.board.change_part(self.part, |state| state.hopeless = hopeless);
        error.chain()
    }

    /// Says why it is not running and waits before the next try.
    async fn rest(&mut self, cause: String) {
        note(format_args!("{}: {cause}", self.part));
        self.board.change_part(self.part, |state| {
            state.phase = PartPhase::Restarting;
            state.pid = None;
            state.adopted = false;
            state.failures += 1;
            state.cause = Some(cause);
        });
        // Ends early only when asked to stop.
        let _ = timeout(self.pause, self.stop.cancelled()).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn stopped(&self) {
        if let Err(error) = files::remove(&self.site.home.identity(self.part.name())) {
            note(error.chain());
        }
        self.board.change_part(self.part, |state| {
            state.phase = PartPhase::Stopped;
            state.pid = None;
        });
    }
}
