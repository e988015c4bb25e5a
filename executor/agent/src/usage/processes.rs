//! The machine's processes as one look finds them, for all members at once.
//!
//! What a member has used is the sum over its processes, and of what its shim
//! has waited for: the kernel adds a process to the counters of whoever waits
//! for it, and orphans are the shim's (it is a subreaper), so that nothing that
//! has ended is lost. Disk bytes are the exception: the shim's own are among
//! its counters, so that those of an orphan that ended are known at the end only.

use std::{collections::BTreeMap, io};

use katonic_domain::usage::Sample;
use katonic_member::UnixNanos;
use procfs::process::{Process, Stat, all_processes};

use super::cgroup::Mounts;

/// What runs at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// When the look began.
    pub at: Option<UnixNanos>,
    processes: BTreeMap<i32, Seen>,
    mounts: Mounts,
}

/// Which processes are a member's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Its shim: what descends from it is the member's, itself is not. None in a
    /// container, whose shim has a number of another namespace, and the attempt's user.
    pub shim: Option<i32>,
    /// The user that is the attempt's own.
    pub uid: Option<u32>,
}

/// One process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    parent: i32,
    uid: u32,
    /// Of its own threads, in clock ticks.
    own_ticks: u64,
    /// Of the processes that it waited for.
    waited_ticks: u64,
    memory_pages: u64,
    /// Whether it has ended, and is not waited for yet.
    ended: bool,
}

impl Snapshot {
    /// Looks at all of them. One that ends meanwhile is left out.
    pub fn take() -> io::Result<Self> {
        let at = UnixNanos::now();
        let mut processes = BTreeMap::new();
        for process in all_processes().map_err(io::Error::other)?.flatten() {
            if let (Ok(uid), Ok(stat)) = (process.uid(), process.stat()) {
                processes.insert(stat.pid, Seen::of(uid, &stat));
            }
        }
        Ok(Self { at: Some(at), processes, mounts: Mounts::read().map_err(io::Error::other)? })
    }

    /// What a member has used, `at_ms` after its start.
    pub fn sample(&self, owner: Owner, at_ms: u64) -> Sample {
        let own: BTreeMap<i32, &Seen> = self.select(owner).collect();
        let pids: Vec<i32> = own.keys().copied().collect();
        let mut sample = self.sum(owner, &own, at_ms);
        for io in pids.iter().filter_map(|pid| Process::new(*pid).ok()?.io().ok()) {
            sample.read_bytes += io.read_bytes;
            sample.written_bytes += io.write_bytes;
        }
        self.mounts.refine(&mut sample, &pids);
        sample
    }

    fn sum(&self, owner: Owner, own: &BTreeMap<i32, &Seen>, at_ms: u64) -> Sample {
        let waited = owner.shim.and_then(|shim| self.processes.get(&shim)).map_or(0, |shim| shim.waited_ticks);
        let ticks: u64 = own.values().map(|seen| seen.own_ticks + seen.waited_ticks).sum();
        let pages: u64 = own.values().map(|seen| seen.memory_pages).sum();
        Sample {
            at_ms,
            cpu_ms: (waited + ticks) * 1000 / procfs::ticks_per_second(),
            memory_bytes: pages * procfs::page_size(),
            processes: own.values().filter(|seen| !seen.ended).count() as u64,
            ..Sample::default()
        }
    }

    fn select(&self, owner: Owner) -> impl Iterator<Item = (i32, &Seen)> {
        let all = self.processes.iter().filter(move |(pid, _)| Some(**pid) != owner.shim);
        let descends = move |pid| owner.shim.is_some_and(|shim| self.descends(pid, shim));
        let own = move |pid: i32, seen: &Seen| owner.uid == Some(seen.uid) || descends(pid);
        all.filter(move |(pid, seen)| own(**pid, seen)).map(|(pid, seen)| (*pid, seen))
    }

    fn descends(&self, pid: i32, ancestor: i32) -> bool {
        let mut child = pid;
        // A chain of parents is shorter than the number of processes.
        for _ in 0..self.processes.len() {
            let Some(seen) = self.processes.get(&child) else { return false };
            if seen.parent == ancestor {
                return true;
            }
            child = seen.parent;
        }
        false
    }
}

impl Seen {
    fn of(uid: u32, stat: &Stat) -> Self {
        let waited = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
        Self {
            parent: stat.ppid,
            uid,
            own_ticks: stat.utime + stat.stime,
            waited_ticks: waited,
            memory_pages: stat.rss,
            ended: matches!(stat.state, 'Z' | 'X'),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, thread::sleep, time::Duration};

    use super::*;

    const SHIM: i32 = 10;

    fn snapshot(processes: &[(i32, Seen)]) -> Snapshot {
        Snapshot { processes: processes.iter().copied().collect(), ..Snapshot::default() }
    }

    fn seen(parent: i32, uid: u32) -> Seen {
        Seen { parent, uid, own_ticks: 100, waited_ticks: 10, memory_pages: 1, ended: false }
    }

    #[test]
    fn descendants_and_the_attempts_own_user_are_the_members() {
        let all = snapshot(&[
            (1, seen(0, 0)),
            (SHIM, seen(1, 0)),
            (11, seen(SHIM, 500)),
            (12, seen(11, 500)),
            (13, seen(1, 500)),
            (20, seen(1, 0)),
            (21, seen(20, 501)),
        ]);
        let of = |uid| all.select(Owner { shim: Some(SHIM), uid }).map(|(pid, _)| pid).collect::<Vec<_>>();
        assert_eq!(of(None), [11, 12]);
        assert_eq!(of(Some(500)), [11, 12, 13], "one that left its parents");
    }

    #[test]
    fn what_the_shim_waited_for_counts_and_its_own_does_not() {
        let all = snapshot(&[(SHIM, seen(1, 0)), (11, seen(SHIM, 0)), (12, Seen { ended: true, ..seen(11, 0) })]);
        let owner = Owner { shim: Some(SHIM), uid: None };
        let own = all.select(owner).collect();
        let sample = all.sum(owner, &own, 5_000);
        assert_eq!(sample.cpu_ms, 230 * 1000 / procfs::ticks_per_second());
        assert_eq!((sample.processes, sample.memory_bytes), (1, 2 * procfs::page_size()));
    }

    #[test]
    fn a_real_process_is_seen_with_its_memory() {
        // Copies without an end, by a large buffer. The kernel tells of small processes that they hold nothing.
        let mut child = Command::new("dd").args(["if=/dev/zero", "of=/dev/null", "bs=40M"]).spawn().expect("started");
        let shim = i32::try_from(std::process::id()).expect("a pid");
        let look = || Snapshot::take().expect("read").sample(Owner { shim: Some(shim), uid: None }, 1);
        let seen = (0..6_000).map(|_| look()).find(|sample| {
            sleep(Duration::from_millis(10));
            sample.memory_bytes > 10_000_000
        });
        child.kill().expect("killed");
        child.wait().expect("waited for");
        assert!(seen.is_some_and(|sample| sample.processes >= 1), "{seen:?}");
    }
}
