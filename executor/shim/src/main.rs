//! `katonic-shim MEMBER_DIR`: the first process of a member (M3).
//!
//! It holds the member's lock, waits for `go`, runs the user's command, keeps
//! its output in the spool, ends it when told or when its time is up, and
//! writes the exit record last. It speaks to nobody but the member directory:
//! no network, no token, one thread, one event loop.
//!
//! ```text
//!   lock ─▶ wait for go ─▶ started ─▶ launch ─▶ relay lines ─▶ kill what is left ─▶ drain ─▶ exit record
//!              │ stop.json                       │ stop.json, timeout: TERM, grace, KILL
//!              └────────────────────────────────▶ exit record
//! ```
//!
//! In a container it is the first process and has its user's rights, which
//! cannot kill, trace or stop it there; its exit code says then why it ended,
//! since its record may be spoiled.
//!
//! A crash before `started` is harmless: another shim may be put in its place.
//! A crash after it ends the attempt as `SHIM_LOST`; the agent kills what is
//! left and writes the exit record in its stead.

mod command;
mod ending;
mod lines;
mod member;
mod memory;
mod output;
mod relay;
mod spooler;
mod sys;
mod wake;

use std::{env, path::PathBuf, process::ExitCode};

/// Another shim serves this member, or user code was started before.
const NOT_MINE: u8 = 3;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: katonic-shim MEMBER_DIR");
        return ExitCode::from(2);
    };
    match member::run(&PathBuf::from(path)) {
        Ok(member::End::Recorded(code)) => ExitCode::from(code),
        Ok(member::End::NotMine) => ExitCode::from(NOT_MINE),
        Err(error) => {
            eprintln!("katonic-shim: {error}");
            ExitCode::FAILURE
        }
    }
}
