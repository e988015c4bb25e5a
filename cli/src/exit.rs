//! The exit codes of `katonic`, in one place; README.md lists them.
//!
//! `run` ends with the job's own code, so what `katonic` itself has to say
//! during `run` uses the codes that `env`, `timeout` and `docker run` use.

use std::process::ExitCode;

use katonic_proto::dispatcher::v1::{Attempt, Execution, Phase, Reason};

/// The code of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done.
    pub const OK: Self = Self(0);
    /// The command failed.
    pub const FAILED: Self = Self(1);
    /// The arguments were wrong.
    pub const USAGE: Self = Self(2);
    /// `version --check`: program and platform do not fit.
    pub const INCOMPATIBLE: Self = Self(3);
    /// `run`: the job reached its timeout.
    pub const TIMED_OUT: Self = Self(124);
    /// `run`: the platform failed, not the job.
    pub const PLATFORM: Self = Self(125);
    /// `run`: the program is there but cannot be executed.
    pub const NOT_EXECUTABLE: Self = Self(126);
    /// `run`: no such program.
    pub const NOT_FOUND: Self = Self(127);
    /// `run`: the job used up its tier's memory; the code of a command that was killed, as this one was.
    pub const OUT_OF_MEMORY: Self = Self(137);
    /// Ctrl-C: `katonic` left, the job goes on.
    pub const INTERRUPTED: Self = Self(130);
    /// Whoever read the output has gone.
    pub const BROKEN_PIPE: Self = Self(141);
    /// `run`: the job was stopped and ended well nevertheless; also TERM to `katonic`.
    pub const TERMINATED: Self = Self(143);

    /// The code that `run` ends with once `execution` has ended.
    pub fn of(execution: &Execution) -> Self {
        let last = execution.attempts.last();
        match (execution.phase(), execution.reason()) {
            (Phase::Succeeded, _) => Self::OK,
            (_, Reason::TimedOut) => Self::TIMED_OUT,
            (_, Reason::CommandNotFound) => Self::NOT_FOUND,
            (_, Reason::CommandNotExecutable) => Self::NOT_EXECUTABLE,
            (_, Reason::OutOfMemory) => Self::OUT_OF_MEMORY,
            (Phase::Stopped, _) => last.and_then(own_code).unwrap_or(Self::TERMINATED),
            (_, Reason::ExitCode | Reason::KilledBySignal | Reason::DependencyFailed) => {
                last.and_then(own_code).unwrap_or(Self::FAILED)
            }
            _ => Self::PLATFORM,
        }
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self.0
    }
}

/// The code of the command itself, as a shell shows it; `None` where it ended well or never ran.
fn own_code(attempt: &Attempt) -> Option<Exit> {
    let code = match (attempt.signal, attempt.exit_code) {
        (0, Some(code)) => u8::try_from(code & 0xff).ok()?,
        (0, None) => return None,
        (signal, _) => u8::try_from(128 + (signal & 0x7f)).ok()?,
    };
    (code != 0).then_some(Exit(code))
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(phase: Phase, reason: Reason, exit_code: Option<i32>, signal: i32) -> Exit {
        let attempt = Attempt { number: 1, exit_code, signal, ..Attempt::default() };
        Exit::of(&Execution {
            phase: phase.into(),
            reason: reason.into(),
            attempts: vec![attempt],
            ..Execution::default()
        })
    }

    #[test]
    fn a_job_ends_run_with_its_own_code() {
        assert_eq!(ended(Phase::Succeeded, Reason::Completed, Some(0), 0), Exit::OK);
        assert_eq!(ended(Phase::Failed, Reason::ExitCode, Some(1), 0), Exit(1));
        assert_eq!(ended(Phase::Failed, Reason::ExitCode, Some(255), 0), Exit(255));
        assert_eq!(ended(Phase::Failed, Reason::KilledBySignal, None, 9), Exit(137));
    }

    #[test]
    fn the_platform_has_codes_of_its_own() {
        assert_eq!(ended(Phase::Failed, Reason::TimedOut, None, 15), Exit::TIMED_OUT);
        assert_eq!(ended(Phase::Failed, Reason::CommandNotFound, None, 0), Exit::NOT_FOUND);
        assert_eq!(ended(Phase::Failed, Reason::CommandNotExecutable, None, 0), Exit::NOT_EXECUTABLE);
        assert_eq!(ended(Phase::Failed, Reason::OutOfMemory, None, 0), Exit::OUT_OF_MEMORY);
        assert_eq!(ended(Phase::Failed, Reason::ShimLost, None, 0), Exit::PLATFORM);
        assert_eq!(ended(Phase::Failed, Reason::DependencyFailed, None, 0), Exit::FAILED);
        assert_eq!(ended(Phase::Failed, Reason::StartTimeout, None, 0), Exit::PLATFORM);
    }

    #[test]
    fn a_stopped_job_never_looks_successful() {
        assert_eq!(ended(Phase::Stopped, Reason::StoppedByUser, Some(0), 0), Exit::TERMINATED);
        assert_eq!(ended(Phase::Stopped, Reason::StoppedByUser, None, 15), Exit::TERMINATED);
        assert_eq!(ended(Phase::Stopped, Reason::StoppedByUser, None, 9), Exit(137));
        assert_eq!(ended(Phase::Stopped, Reason::StoppedByUser, Some(3), 0), Exit(3));
    }
}
