//! What the shim answers (launched, exit) and what it is told (stop).
//!
//! The exit record decides the outcome (M6): it is written once, last, by the
//! shim, or for a shim that died by whoever then holds its lock.

use serde::{Deserialize, Serialize};

use crate::{spool::Seq, time::UnixNanos};

/// The command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// When.
    pub time: UnixNanos,
}

/// How a member ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Why.
    pub reason: ExitReason,
    /// The command's exit code; none where a signal ended it or it never ran.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// The last sequence of the log; none where nothing was written.
    #[serde(default)]
    pub last_seq: Option<Seq>,
    /// When the command started; none where it never ran.
    #[serde(default)]
    pub started: Option<UnixNanos>,
    /// When it had ended.
    pub ended: UnixNanos,
    /// What it used; none where it never ran or nobody waited for it.
    #[serde(default)]
    pub used: Option<Used>,
}

/// What a command and all that descended from it used, as the kernel counted it when they were waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Processor time.
    pub cpu_ms: u64,
    /// The most memory that any one of the processes held.
    pub peak_memory_bytes: u64,
    /// Bytes that were read from disks.
    pub read_bytes: u64,
    /// Bytes that were written to disks.
    pub written_bytes: u64,
}

/// Why a member ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// Exit code 0.
    Completed,
    /// Another exit code.
    ExitCode,
    /// A signal that the shim did not send.
    KilledBySignal,
    /// It ran into its timeout, and was ended.
    TimedOut,
    /// A stop was delivered while it ran, or before it started.
    Stopped,
    /// There is no such program.
    CommandNotFound,
    /// There is, but it cannot be executed.
    CommandNotExecutable,
    /// Its files could not be prepared.
    InputUnavailable,
    /// The shim died; how the command ended is not known.
    ShimLost,
    /// The attempt was given up before: nobody waits for this record.
    Abandoned,
}

/// An order to end, or never to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Why.
    pub reason: StopReason,
    /// What the log should say about it; may be empty.
    #[serde(default)]
    pub message: String,
}

/// Who wants the member to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Its users.
    User,
    /// The agent, which cannot prepare its files.
    InputUnavailable,
    /// The platform, which has given the attempt up.
    Abandoned,
}

impl StopReason {
    /// The reason of the exit record that follows.
    pub const fn exit_reason(self) -> ExitReason {
        match self {
            Self::User => ExitReason::Stopped,
            Self::InputUnavailable => ExitReason::InputUnavailable,
            Self::Abandoned => ExitReason::Abandoned,
        }
    }
}
