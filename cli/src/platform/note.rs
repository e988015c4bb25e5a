//! The supervisor's own log lines: `log/supervisor.log`, one line each, with the time.

use std::fmt::Display;

/// Writes a line to stderr, which is the supervisor's log.
pub fn note(text: impl Display) {
    eprintln!("{} {text}", jiff::Timestamp::now());
}
