//! Who is alive: flocks, which the kernel drops with their holder, and process
//! identities that survive the reuse of a process id.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use crate::{hostile::open_file, processes};

/// One process of one boot of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The kernel's id of this boot.
    pub boot_id: String,
    /// Process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

impl ProcessIdentity {
    /// The calling process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn own() -> io::Result<Self> {
        Self::of(rustix::process::getpid().as_raw_nonzero().get())
    }

    /// A process that is alive now.
    ///
    /// # Errors
    /// It has ended, or `/proc` cannot be read.
    pub fn of(pid: i32) -> io::Result<Self> {
        let start_ticks = processes::start_ticks(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { boot_id: boot_id()?, pid, start_ticks })
    }

    /// Whether that very process is still there.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(self.boot_id == boot_id()? && processes::start_ticks(self.pid) == Some(self.start_ticks))
    }

    /// Whether processes of the session with its id descend from it: its id was
    /// not given to another process since. (The kernel gives no id to a new
    /// process while a session has it.)
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn led_its_session(&self) -> io::Result<bool> {
        let now = processes::start_ticks(self.pid);
        Ok(self.boot_id == boot_id()? && now.is_none_or(|ticks| ticks == self.start_ticks))
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Whether a member's shim lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Liveness {
    /// None has taken the lock yet.
    NeverStarted,
    /// One holds it; who, where it has said so already.
    Running(Option<ProcessIdentity>),
    /// One held it and is gone.
    Gone(Option<ProcessIdentity>),
}

/// The lock that a shim holds for life.
#[derive(Debug)]
pub struct ShimLock {
    _held: File,
}

impl ShimLock {
    /// Takes the lock, or `None` where another shim holds it.
    pub(crate) fn acquire(path: &Path) -> io::Result<Option<Self>> {
        let held = hold(path)?;
        Ok(held.map(|held| Self { _held: held }))
    }
}

/// The lock of the one agent that serves a members folder.
#[derive(Debug)]
pub struct AgentLock {
    _held: File,
}

impl AgentLock {
    pub(crate) fn acquire(path: &Path) -> io::Result<Option<Self>> {
        let held = hold(path)?;
        Ok(held.map(|held| Self { _held: held }))
    }
}

/// Somebody who only looks holds the lock for an instant ([`liveness`]), so one
/// refusal is not yet an answer.
const TRIES: u32 = 50;

fn hold(path: &Path) -> io::Result<Option<File>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let identity = serde_json::to_vec(&ProcessIdentity::own()?)?;
                file.set_len(0)?;
                file.rewind()?;
                file.write_all(&identity)?;
                return Ok(Some(file));
            }
            Err(Errno::WOULDBLOCK) => thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Looks at a lock without keeping it.
pub(crate) fn liveness(path: &Path) -> io::Result<Liveness> {
    let file = match open_file(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Liveness::NeverStarted),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    (&file).take(4096).read_to_end(&mut text)?;
    let identity = serde_json::from_slice(&text).ok();
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Liveness::Gone(identity)),
        Err(Errno::WOULDBLOCK) => Ok(Liveness::Running(identity)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_dropped_with_its_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        assert_eq!(liveness(&path).expect("looked"), Liveness::NeverStarted);
        let own = ProcessIdentity::own().expect("an identity");
        let held = ShimLock::acquire(&path).expect("asked").expect("free");
        assert_eq!(liveness(&path).expect("looked"), Liveness::Running(Some(own.clone())));
        assert!(ShimLock::acquire(&path).expect("asked").is_none(), "held twice");
        drop(held);
        assert_eq!(liveness(&path).expect("looked"), Liveness::Gone(Some(own.clone())));
        assert!(own.is_alive().expect("looked"));
        let reused = ProcessIdentity { start_ticks: own.start_ticks + 1, ..own };
        assert!(!reused.is_alive().expect("looked"));
    }
}
