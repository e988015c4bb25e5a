//! Whether the kernel killed for the container's memory limit: some engines do
//! not tell, the cgroup's own counter does.

use std::{fs, path::Path};

use katonic_member::MemberDir;

/// Where a container finds the counters of its own cgroup: version 2, version 1.
const COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// The counter as it was before the command started.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    kills_before: Option<u64>,
}

impl Memory {
    /// Of a member that is about to start. One that is in no container of its
    /// own shares its cgroup: it has no counter.
    pub fn of(member: &MemberDir) -> Self {
        Self { kills_before: member.is_contained().then(kills).flatten() }
    }

    /// Whether the kernel has killed since.
    pub fn ran_out(self) -> bool {
        self.kills_before.zip(kills()).is_some_and(|(before, now)| now > before)
    }
}

fn kills() -> Option<u64> {
    COUNTERS.iter().find_map(|file| count(&fs::read_to_string(Path::new(file)).ok()?))
}

/// The value of `oom_kill` in a cgroup's file of names and numbers.
fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cgroups_are_read() {
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(count("low 0\nhigh 0\nmax 31\noom 1\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\n"), None, "a kernel that does not count");
    }
}
