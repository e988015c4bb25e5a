//! What the supervisor knows, in a file that `up` and `status` read.
//!
//! ```text
//! keepers, conductor ──> Board ──> run/state.json ──> up, down, status
//! ```
//! The file is a report, never a source of truth: `status` asks the parts
//! themselves, and who is alive is told by identities.

use std::{collections::BTreeMap, path::PathBuf};

use katonic_member::ProcessIdentity;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{error::Error, files, note::note, part::Part};

/// Where the platform as a whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Parts are being started.
    Starting,
    /// Every part has been ready.
    Up,
    /// It did not get ready; what was started is being stopped.
    Failed,
    /// It was asked to stop.
    Stopping,
}

/// Where one part is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartPhase {
    /// What it needs is not ready.
    #[default]
    Waiting,
    /// It runs and is not ready.
    Starting,
    /// It runs and was ready.
    Ready,
    /// It ended, or could not be started, and will be tried again.
    Restarting,
    /// It was stopped.
    Stopped,
}

/// One part as its keeper sees it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PartState {
    /// Where it is.
    pub phase: PartPhase,
    /// Its process.
    pub pid: Option<i32>,
    /// Whether it was taken over from an earlier supervisor.
    pub adopted: bool,
    /// How often it has ended, or could not be started.
    pub failures: u32,
    /// Why it is not ready, or why it last ended.
    pub cause: Option<String>,
    /// Whether trying again cannot help.
    pub hopeless: bool,
}

/// Content of `run/state.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Whose report this is.
    pub supervisor: ProcessIdentity,
    /// Where the platform is.
    pub phase: Phase,
    /// The part at which it failed, and why.
    pub failure: Option<Failure>,
    /// Each part.
    pub parts: BTreeMap<Part, PartState>,
}

/// Why the platform did not get ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// Where; none where it failed before any part was started.
    pub part: Option<Part>,
    /// Why.
    pub cause: String,
}

/// The supervisor's state, which everything in it may change and wait for.
pub struct Board {
    file: PathBuf,
    state: watch::Sender<State>,
}

impl Board {
    /// A board on which nothing is started.
    pub fn new(file: PathBuf, supervisor: ProcessIdentity) -> Self {
        let parts = Part::ALL.into_iter().map(|part| (part, PartState::default())).collect();
        let state = State { supervisor, phase: Phase::Starting, failure: None, parts };
        Self { file, state: watch::Sender::new(state) }
    }

    /// Changes the state and its file.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
        if let Err(error) = self.save() {
            // The report is lost, the work goes on: a full disk must not end what runs.
            note(error.chain());
        }
    }

    /// Changes one part's state.
    pub fn change_part(&self, part: Part, change: impl FnOnce(&mut PartState)) {
        self.change(|state| change(state.parts.entry(part).or_default()));
    }

    /// Writes the file.
    pub fn save(&self) -> Result<(), Error> {
        files::write_json(&self.file, &*self.state.borrow())
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the state is as wanted.
    pub async fn until(&self, mut wanted: impl FnMut(&State) -> bool) {
        // The sender lives as long as `self`.
        let _ = self.state.subscribe().wait_for(|state| wanted(state)).await;
    }
}

impl State {
    /// Whether every part of these is ready.
    pub fn all_ready(&self, parts: &[Part]) -> bool {
        parts.iter().all(|part| self.parts.get(part).is_some_and(|state| state.phase == PartPhase::Ready))
    }

    /// Whether every part of these has stopped.
    pub fn all_stopped(&self, parts: &[Part]) -> bool {
        parts.iter().all(|part| self.parts.get(part).is_some_and(|state| state.phase == PartPhase::Stopped))
    }
}
