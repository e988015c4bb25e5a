//! Finding and killing what a command left behind.
//!
//! Processes are stopped first, round by round until no new one appears, then
//! killed: a stopped process cannot fork, so that even a fork bomb is caught.
//! Each is held by a pidfd and looked at again before a signal goes out: a
//! process id that was reused is never hit.

use std::{collections::BTreeMap, fs, io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// More rounds than any fork bomb under a process limit needs.
const ROUNDS: usize = 1_000;

/// Which processes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that run as this user, by real or effective id. Never 0.
    User(u32),
    /// All that descend from this process, not itself.
    DescendantsOf(i32),
    /// All in the session that this process leads or led.
    Session(i32),
}

struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    start_ticks: u64,
    uids: [u32; 2],
    dead: bool,
}

/// Kills every such process; answers how many there were. What is in an
/// uninterruptible wait dies when that ends.
///
/// # Errors
/// `/proc` cannot be read.
pub fn kill_all(which: Which) -> io::Result<usize> {
    if matches!(which, Which::User(0)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "root's processes are never killed by user"));
    }
    let mut caught: BTreeMap<(i32, u64), OwnedFd> = BTreeMap::new();
    for _ in 0..ROUNDS {
        if stop_new(which, &mut caught)? == 0 {
            break;
        }
    }
    for process in caught.values() {
        // It may be gone already; then there is nothing left to do.
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
    Ok(caught.len())
}

/// Stops what is not caught yet and answers how many that were.
fn stop_new(which: Which, caught: &mut BTreeMap<(i32, u64), OwnedFd>) -> io::Result<usize> {
    let mut new = 0;
    for process in select(&snapshot()?, which) {
        let key = (process.pid, process.start_ticks);
        if caught.contains_key(&key) {
            continue;
        }
        let Some(held) = hold(process)? else { continue };
        let _ = pidfd_send_signal(&held, Signal::STOP);
        caught.insert(key, held);
        new += 1;
    }
    Ok(new)
}

/// A handle on a process that is still the one that was seen.
fn hold(process: &Process) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = Pid::from_raw(process.pid) else { return Ok(None) };
    let held = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) => held,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let same = start_ticks(process.pid).is_some_and(|ticks| ticks == process.start_ticks);
    Ok(same.then_some(held))
}

fn select(all: &BTreeMap<i32, Process>, which: Which) -> impl Iterator<Item = &Process> {
    all.values().filter(move |process| !process.dead).filter(move |process| match which {
        Which::User(uid) => process.uids.contains(&uid),
        Which::Session(leader) => process.session == leader,
        Which::DescendantsOf(ancestor) => descends(all, process, ancestor),
    })
}

fn descends(all: &BTreeMap<i32, Process>, process: &Process, ancestor: i32) -> bool {
    let mut parent = process.parent;
    // A chain of parents is shorter than the number of processes.
    for _ in 0..all.len() {
        if parent == ancestor {
            return true;
        }
        let Some(next) = all.get(&parent) else { return false };
        parent = next.parent;
    }
    false
}

fn snapshot() -> io::Result<BTreeMap<i32, Process>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ends while it is read is no longer of interest.
        if let Some(process) = read(pid) {
            all.insert(pid, process);
        }
    }
    Ok(all)
}

fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = after_name(&stat)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        uids: user_ids(&status)?,
        dead: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// When a process started, in clock ticks since boot; `None` where it is gone.
pub(crate) fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    after_name(&stat)?.get(19)?.parse().ok()
}

/// The fields from the third on (`proc_pid_stat(5)`): the second is a name that
/// may hold anything.
fn after_name(stat: &str) -> Option<Vec<&str>> {
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace().collect())
}

/// Real and effective user id.
fn user_ids(status: &str) -> Option<[u32; 2]> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let mut ids = line.split_ascii_whitespace().map(str::parse);
    Some([ids.next()?.ok()?, ids.next()?.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let fields = after_name("7 (a) b (c)) S 1 2 3").expect("fields");
        assert_eq!(fields, ["S", "1", "2", "3"]);
    }

    #[test]
    fn real_and_effective_user_are_read() {
        assert_eq!(user_ids("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some([1000, 0]));
    }

    #[test]
    fn descendants_are_killed_and_their_ancestor_is_not() {
        let mut child = Command::new("sh").args(["-c", "sleep 600 & sleep 600; true"]).spawn().expect("sh");
        let pid = i32::try_from(child.id()).expect("a pid");
        // Level-triggered: until the grandchildren are there.
        while kill_all(Which::DescendantsOf(pid)).expect("killed") == 0 {}
        assert!(start_ticks(pid).is_some(), "the ancestor lives or waits to be reaped");
        child.kill().expect("killed");
        child.wait().expect("reaped");
    }

    #[test]
    fn root_is_never_killed_by_user() {
        assert!(kill_all(Which::User(0)).is_err());
    }
}
