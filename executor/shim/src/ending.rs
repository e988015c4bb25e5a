//! How a running command comes to its end: TERM, grace, KILL. Pure.
//!
//! ```text
//!   Running ──stop, timeout, TERM──▶ Terminating ──grace is over──▶ Killed
//! ```
//! The first cause stands: a timeout during the grace of a stop changes nothing.

use std::time::{Duration, Instant};

use katonic_member::{ExitReason, StopReason};

/// Why the shim ended the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An order in `stop.json`.
    Order(StopReason),
    /// Its time was up.
    Timeout,
    /// Somebody ended the shim, such as a machine that shuts down.
    Signal,
}

/// What is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// TERM to the command's process group.
    Term,
    /// KILL to everything.
    Kill,
}

/// Where the command is on its way to the end.
#[derive(Debug)]
pub struct Ending {
    timeout_at: Instant,
    grace: Duration,
    cause: Option<Cause>,
    kill_at: Option<Instant>,
}

/// How the command itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

impl Ending {
    /// Of a command that got its `go` at `now`.
    pub fn new(now: Instant, timeout: Duration, grace: Duration) -> Self {
        // A timeout beyond what the clock can count is none.
        let timeout_at = now.checked_add(timeout).unwrap_or(now + Duration::from_hours(24 * 365));
        Self { timeout_at, grace, cause: None, kill_at: None }
    }

    /// Something wants the command to end.
    pub fn begin(&mut self, cause: Cause, now: Instant) -> Option<Send> {
        if self.cause.is_some() {
            return None;
        }
        self.cause = Some(cause);
        self.kill_at = now.checked_add(self.grace);
        Some(Send::Term)
    }

    /// What is due by the clock.
    pub fn due(&mut self, now: Instant) -> Option<Send> {
        if self.cause.is_none() && now >= self.timeout_at {
            return self.begin(Cause::Timeout, now);
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            return Some(Send::Kill);
        }
        None
    }

    /// When [`Self::due`] should be asked next.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.cause.is_none() { Some(self.timeout_at) } else { self.kill_at }
    }

    /// Why the member ended, now that the command has.
    pub const fn reason(&self, status: Status) -> ExitReason {
        match (self.cause, status) {
            (Some(Cause::Order(order)), _) => order.exit_reason(),
            (Some(Cause::Timeout), _) => ExitReason::TimedOut,
            (Some(Cause::Signal), _) => ExitReason::Interrupted,
            (None, Status::Exited(0)) => ExitReason::Completed,
            (None, Status::Exited(_)) => ExitReason::ExitCode,
            (None, Status::Signaled(_)) => ExitReason::KilledBySignal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_timeout_sends_term_then_after_the_grace_kill_each_once() {
        let start = Instant::now();
        let mut ending = Ending::new(start, 10 * SECOND, 3 * SECOND);
        assert_eq!(ending.due(start + 9 * SECOND), None);
        assert_eq!(ending.due(start + 10 * SECOND), Some(Send::Term));
        assert_eq!(ending.wake_at(), Some(start + 13 * SECOND));
        assert_eq!(ending.due(start + 12 * SECOND), None);
        assert_eq!(ending.due(start + 13 * SECOND), Some(Send::Kill));
        assert_eq!(ending.due(start + 99 * SECOND), None);
        assert_eq!(ending.reason(Status::Exited(0)), ExitReason::TimedOut);
    }

    #[test]
    fn the_first_cause_stands() {
        let start = Instant::now();
        let mut ending = Ending::new(start, SECOND, 3 * SECOND);
        assert_eq!(ending.begin(Cause::Order(StopReason::User), start), Some(Send::Term));
        assert_eq!(ending.due(start + 2 * SECOND), None, "its timeout no longer counts");
        assert_eq!(ending.begin(Cause::Signal, start), None);
        assert_eq!(ending.reason(Status::Signaled(15)), ExitReason::Stopped);
    }

    #[test]
    fn without_a_cause_the_status_is_the_reason() {
        let mut ending = Ending::new(Instant::now(), Duration::MAX, SECOND);
        assert_eq!(ending.reason(Status::Exited(0)), ExitReason::Completed);
        assert_eq!(ending.reason(Status::Exited(3)), ExitReason::ExitCode);
        assert_eq!(ending.reason(Status::Signaled(9)), ExitReason::KilledBySignal);
        ending.begin(Cause::Signal, Instant::now());
        assert_eq!(ending.reason(Status::Signaled(15)), ExitReason::Interrupted, "no user asked for a stop");
    }
}
