//! Waits for the end of a process that is not our child.
//!
//! A pidfd tells the end of a process even where nobody has reaped it yet, and
//! never another process that got its id. It is looked at a few times a second:
//! who needs to know at once is told otherwise (a child's exit, the agent).

use std::{io, os::fd::OwnedFd, time::Duration};

use katonic_member::ProcessIdentity;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

const LOOK: Duration = Duration::from_millis(250);
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A handle on a process.
#[derive(Debug)]
pub struct Watched(OwnedFd);

impl Watched {
    /// A handle on that very process; none where it is gone.
    pub fn open(identity: &ProcessIdentity) -> io::Result<Option<Self>> {
        let Some(pid) = Pid::from_raw(identity.pid) else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at with the handle open: the id was not reused before.
        Ok(identity.is_alive()?.then_some(Self(pidfd)))
    }

    /// Waits until it has ended.
    pub async fn gone(&self) -> io::Result<()> {
        while !self.has_ended()? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn has_ended(&self) -> io::Result<bool> {
        let mut handles = [PollFd::new(&self.0, PollFlags::IN)];
        Ok(poll(&mut handles, Some(&AT_ONCE))? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_process_is_seen_before_it_is_reaped() {
        let mut child =
            std::process::Command::new("/bin/cat").stdin(std::process::Stdio::piped()).spawn().expect("cat");
        let pid = i32::try_from(child.id()).expect("a process id");
        let own = ProcessIdentity::own().expect("an identity");
        let start_ticks = start_ticks(pid);
        let watched = Watched::open(&ProcessIdentity { pid, start_ticks, ..own.clone() }).expect("looked");
        let watched = watched.expect("it lives");
        assert!(!watched.has_ended().expect("looked"));
        drop(child.stdin.take());
        watched.gone().await.expect("watched");
        let reused = ProcessIdentity { pid, start_ticks: start_ticks + 1, ..own };
        assert!(Watched::open(&reused).expect("looked").is_none(), "another of the same id is not watched");
        child.wait().expect("reaped");
    }

    fn start_ticks(pid: i32) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("readable");
        let after_name = stat.rsplit(") ").next().expect("a state");
        after_name.split(' ').nth(19).and_then(|ticks| ticks.parse().ok()).expect("the 22nd field")
    }
}
