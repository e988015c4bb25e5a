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
    /// Its container's memory limit was reached, and the kernel killed for it.
    OutOfMemory,
    /// The shim was told to end: the machine or its container engine was stopped.
    Interrupted,
    /// Somebody removed its container.
    ContainerRemoved,
}

impl ExitReason {
    /// What a shim in a container exits with. User code has the same rights as
    /// that shim and may spoil its record; it cannot choose this code, nor kill
    /// the first process of its container. Codes below 10 are the shim's own
    /// failures, those from 128 on mean that a signal ended it.
    pub const fn shim_code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::ExitCode => 10,
            Self::KilledBySignal => 11,
            Self::TimedOut => 12,
            Self::Stopped => 13,
            Self::CommandNotFound => 14,
            Self::CommandNotExecutable => 15,
            Self::InputUnavailable => 16,
            Self::Abandoned => 17,
            Self::OutOfMemory => 18,
            Self::Interrupted => 19,
            // No shim is left to say these.
            Self::ShimLost | Self::ContainerRemoved => 1,
        }
    }

    /// Whether the command can have run when it ended so.
    pub const fn can_have_run(self) -> bool {
        !matches!(self, Self::CommandNotFound | Self::CommandNotExecutable | Self::InputUnavailable | Self::Abandoned)
    }

    /// What a shim said by its exit code; `None` where it said nothing.
    pub fn from_shim_code(code: i64) -> Option<Self> {
        const SAID: [ExitReason; 11] = [
            ExitReason::Completed,
            ExitReason::ExitCode,
            ExitReason::KilledBySignal,
            ExitReason::TimedOut,
            ExitReason::Stopped,
            ExitReason::CommandNotFound,
            ExitReason::CommandNotExecutable,
            ExitReason::InputUnavailable,
            ExitReason::Abandoned,
            ExitReason::OutOfMemory,
            ExitReason::Interrupted,
        ];
        SAID.into_iter().find(|reason| i64::from(reason.shim_code()) == code)
    }
}

/// What the engine says about a container that is over: out of user code's
/// reach, written by the backend, and what the agent goes by (M4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerEnd {
    /// Its exit code, which is its shim's; none where it was removed.
    pub exit_code: Option<i64>,
    /// Whether the engine heard of the kernel killing for its memory limit. Some never tell.
    pub out_of_memory: bool,
    /// When it was over, as the engine says; where it does not say, when that was seen.
    pub seen: UnixNanos,
}

impl ContainerEnd {
    /// Why it ended.
    pub fn reason(self) -> ExitReason {
        let Some(code) = self.exit_code else { return ExitReason::ContainerRemoved };
        match ExitReason::from_shim_code(code) {
            // A killed child may be all that the command complains of.
            Some(ExitReason::ExitCode | ExitReason::KilledBySignal) | None if self.out_of_memory => {
                ExitReason::OutOfMemory
            }
            Some(said) => said,
            None => ExitReason::ShimLost,
        }
    }

    /// Whether a shim's record says the same, and may tell more.
    pub fn agrees(self, record: &Exit) -> bool {
        let reason = self.reason();
        let killed = matches!(record.reason, ExitReason::ExitCode | ExitReason::KilledBySignal);
        record.reason == reason || (reason == ExitReason::OutOfMemory && killed)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ExitReason; 13] = [
        ExitReason::Completed,
        ExitReason::ExitCode,
        ExitReason::KilledBySignal,
        ExitReason::TimedOut,
        ExitReason::Stopped,
        ExitReason::CommandNotFound,
        ExitReason::CommandNotExecutable,
        ExitReason::InputUnavailable,
        ExitReason::ShimLost,
        ExitReason::Abandoned,
        ExitReason::OutOfMemory,
        ExitReason::Interrupted,
        ExitReason::ContainerRemoved,
    ];

    fn record(reason: ExitReason) -> Exit {
        Exit {
            reason,
            exit_code: None,
            signal: None,
            last_seq: None,
            started: None,
            ended: UnixNanos::new(2),
            used: None,
        }
    }

    fn end(exit_code: Option<i64>, out_of_memory: bool) -> ContainerEnd {
        ContainerEnd { exit_code, out_of_memory, seen: UnixNanos::new(3) }
    }

    #[test]
    fn every_code_that_a_shim_says_is_understood() {
        for reason in ALL {
            let said = ExitReason::from_shim_code(reason.shim_code().into());
            let silent = matches!(reason, ExitReason::ShimLost | ExitReason::ContainerRemoved);
            assert_eq!(said, (!silent).then_some(reason));
        }
    }

    #[test]
    fn only_a_record_that_says_the_same_is_believed() {
        let failed = end(Some(ExitReason::ExitCode.shim_code().into()), false);
        for forged in ALL {
            assert_eq!(failed.agrees(&record(forged)), forged == ExitReason::ExitCode, "{forged:?}");
        }
    }

    #[test]
    fn out_of_memory_kill_and_removal_are_told_apart() {
        let code = |reason: ExitReason| Some(i64::from(reason.shim_code()));
        assert_eq!(end(Some(137), false).reason(), ExitReason::ShimLost);
        assert_eq!(end(Some(137), true).reason(), ExitReason::OutOfMemory);
        assert_eq!(end(None, false).reason(), ExitReason::ContainerRemoved);
        let killed = end(code(ExitReason::KilledBySignal), true);
        assert_eq!(killed.reason(), ExitReason::OutOfMemory);
        assert!(killed.agrees(&record(ExitReason::KilledBySignal)));
        for said in [ExitReason::Completed, ExitReason::TimedOut, ExitReason::Stopped] {
            assert_eq!(end(code(said), true).reason(), said, "a killed child changes nothing of it");
        }
    }
}
