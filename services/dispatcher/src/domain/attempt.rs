//! One try at running an execution. Attempts are append-only; what an attempt
//! ended with is fixed once and never changes (M6).

use katonic_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    checkpoints::{self, Checkpoint},
    reason::Reason,
};

/// How an attempt's command ended, as the exit record or the reconciler says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Why it ended.
    pub reason: Reason,
    /// The command's exit code; none where a signal ended it or it never ran.
    pub exit_code: Option<i32>,
    /// The signal that ended it; 0 means none.
    pub signal: i32,
    /// When user code started, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl Outcome {
    /// The outcome of a command that was not seen to exit.
    pub const fn without_exit(reason: Reason, ended_at: Timestamp) -> Self {
        Self { reason, exit_code: None, signal: 0, started_at: None, ended_at }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, 3 ….
    pub number: u32,
    /// When it was given its place.
    pub admitted_at: Timestamp,
    /// When its user code started.
    pub started_at: Option<Timestamp>,
    /// How it ended, once that is fixed.
    pub outcome: Option<Outcome>,
    /// Steps that were reached, as of the execution's last write.
    pub checkpoints: Vec<Checkpoint>,
    /// Last log sequence; set once the log is closed.
    pub log_last_seq: u64,
}

impl Attempt {
    /// A try that was just admitted.
    pub const fn admitted(number: u32, now: Timestamp, checkpoints: Vec<Checkpoint>) -> Self {
        Self { number, admitted_at: now, started_at: None, outcome: None, checkpoints, log_last_seq: 0 }
    }

    /// How long user code had run by its end, or by now while it goes on; none where it never started.
    pub fn ran_ms(&self, now: Timestamp) -> Option<u64> {
        let until = self.outcome.map_or(now, |outcome| outcome.ended_at);
        let ran = until.duration_since(self.started_at?).as_millis();
        // A clock that was set back makes it nothing.
        Some(u64::try_from(ran).unwrap_or(0))
    }

    /// Copies steps that its member reported.
    pub fn merge_checkpoints(&mut self, reported: &[Checkpoint]) {
        self.checkpoints = checkpoints::merge(&self.checkpoints, reported);
    }
}
