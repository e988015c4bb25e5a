//! A process that outlives whoever started it: known by pid, start time and
//! boot, watched and signalled through a pidfd.
//!
//! A pid alone may be another's by now. The identity is written beside the data
//! right after the start; after a supervisor was killed the next one reads it
//! and takes the process over, which never notices. A supervisor that is killed
//! between a start and that write leaves a process that the next one does not
//! know: it then finds the part's port taken and says so.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use katonic_member::ProcessIdentity;
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    process::{Child, Command},
    time::timeout,
};

use super::{error::Error, files};

/// A running process that we started, or took over.
pub struct Process {
    identity: ProcessIdentity,
    pidfd: AsyncFd<OwnedFd>,
    child: Option<Child>,
}

/// A handle of that process; `None` where it has ended.
fn open(identity: &ProcessIdentity) -> io::Result<Option<OwnedFd>> {
    let pid = Pid::from_raw(identity.pid).ok_or(io::ErrorKind::InvalidData)?;
    let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(pidfd) => pidfd,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Compared after the open: from here on the handle is of this process whatever happens to the pid.
    Ok(is_alive(identity).then_some(pidfd))
}

/// Writes down who a new child is, and watches it.
fn known(child: &Child, identity_file: &Path) -> Result<(ProcessIdentity, AsyncFd<OwnedFd>), StartError> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(StartError::Gone)?;
    let identity = ProcessIdentity::of(pid).map_err(StartError::System)?;
    files::write_json(identity_file, &identity).map_err(StartError::File)?;
    let pidfd = open(&identity).map_err(StartError::System)?.ok_or(StartError::Gone)?;
    Ok((identity, watch(pidfd).map_err(StartError::System)?))
}

/// The identity in a file, if it is one of a process that still runs.
pub fn read_alive(path: &Path) -> Option<ProcessIdentity> {
    // A damaged file is as none: what it named is found by its port.
    let identity = files::read_json::<ProcessIdentity>(path).ok().flatten()?;
    is_alive(&identity).then_some(identity)
}

/// Whether that process still runs; one that only waits to be reaped does not.
pub fn is_alive(identity: &ProcessIdentity) -> bool {
    let ended = fs::read_to_string(format!("/proc/{}/stat", identity.pid)).is_ok_and(|stat| has_ended(&stat));
    identity.is_alive().unwrap_or(false) && !ended
}

/// The state stands behind the program's name, which may itself hold spaces and parentheses.
fn has_ended(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Resident memory in bytes; `None` where it has ended.
pub fn resident_bytes(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

impl Process {
    /// Starts a program with its output in a log and its identity in a file.
    pub fn start(mut command: Command, log: &Path, identity_file: &Path) -> Result<Self, StartError> {
        let out = files::open_log(log).map_err(StartError::File)?;
        let err = out.try_clone().map_err(StartError::System)?;
        // An own group, so that no terminal's signal reaches it.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .map_err(StartError::System)?;
        match known(&child, identity_file) {
            Ok((identity, pidfd)) => Ok(Self { identity, pidfd, child: Some(child) }),
            Err(error) => {
                // Nobody would find it again. One that has ended by itself is as good.
                let _ = child.start_kill();
                Err(error)
            }
        }
    }

    /// Takes over the process whose identity is in a file, if it still runs.
    pub fn adopt(identity_file: &Path) -> io::Result<Option<Self>> {
        read_alive(identity_file).map_or(Ok(None), Self::adopt_identity)
    }

    /// Takes over a process that somebody else of this machine started, if it still runs.
    pub fn adopt_identity(identity: ProcessIdentity) -> io::Result<Option<Self>> {
        let Some(pidfd) = open(&identity)? else { return Ok(None) };
        Ok(Some(Self { identity, pidfd: watch(pidfd)?, child: None }))
    }

    /// Its process id.
    pub const fn pid(&self) -> i32 {
        self.identity.pid
    }

    /// Waits until it has ended; the status is known of own children only.
    pub async fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => child.wait().await.map(Some),
            None => self.pidfd.readable().await.map(|_| None),
        }
    }

    /// Sends a signal; one that has ended is no error.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.pidfd.get_ref(), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// TERM; answers whether it has ended within the limit.
    pub async fn terminate(&mut self, limit: Duration) -> io::Result<bool> {
        self.signal(Signal::TERM)?;
        match timeout(limit, self.wait()).await {
            Ok(ended) => ended.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// TERM, then KILL when the limit is over; returns once it has ended.
    pub async fn stop(&mut self, limit: Duration) -> io::Result<()> {
        if self.terminate(limit).await? {
            return Ok(());
        }
        self.signal(Signal::KILL)?;
        self.wait().await.map(|_| ())
    }
}

/// Why a process could not be started.
#[derive(Debug)]
pub enum StartError {
    /// Its log or identity file.
    File(Error),
    /// The system refused.
    System(io::Error),
    /// It ended at once.
    Gone,
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe, for types that may change their descriptor; an OwnedFd never does"
)]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_waits_to_be_reaped_has_ended_whatever_its_name() {
        assert!(has_ended("42 (a) S (b) Z 1 42"));
        assert!(!has_ended("42 (a) Z (b) S 1 42"));
    }

    #[test]
    fn an_ended_child_is_not_alive_before_it_is_reaped() {
        let mut child = std::process::Command::new("/bin/sleep").arg("600").spawn().expect("started");
        let identity = ProcessIdentity::of(i32::try_from(child.id()).expect("a pid")).expect("procfs");
        assert!(is_alive(&identity));
        let pidfd = open(&identity).expect("an answer").expect("alive");
        child.kill().expect("killed");
        let mut ended = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut ended, None).expect("waited");
        assert!(!is_alive(&identity));
        child.wait().expect("reaped");
    }

    fn sleeper() -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap '' TERM; echo started; while :; do sleep 60 & wait $!; done"]);
        command
    }

    #[tokio::test]
    async fn a_process_is_taken_over_and_killed_when_it_ignores_term() {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, file) = (folder.path().join("x.log"), folder.path().join("x.json"));
        let mut first = Process::start(sleeper(), &log, &file).expect("started");
        let mut second = Process::adopt(&file).expect("an answer").expect("alive");
        assert_eq!(second.pid(), first.pid());
        let (stopped, status) = tokio::join!(second.stop(Duration::from_millis(50)), first.wait());
        stopped.expect("stopped");
        assert!(status.expect("waited").is_some_and(|status| !status.success()));
        assert!(Process::adopt(&file).expect("an answer").is_none());
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let started =
            Process::start(Command::new("/none"), &folder.path().join("x.log"), &folder.path().join("x.json"));
        assert!(matches!(started, Err(StartError::System(error)) if error.kind() == io::ErrorKind::NotFound));
    }
}
