//! What the kernel counts for a cgroup that a member has to itself, such as a
//! container's, in either version: it misses no process, and memory that
//! processes share counts once.
//!
//! A cgroup is the member's own where no process of another is in it. Without
//! one, what was summed over processes stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use katonic_domain::usage::Sample;
use procfs::{ProcResult, process::Process};

/// Where cgroups are to be found.
#[derive(Debug, Default)]
pub struct Mounts(Vec<Mount>);

#[derive(Debug)]
struct Mount {
    /// Which controller of version 1, or version 2, which has one hierarchy for all.
    kind: Kind,
    point: PathBuf,
    /// What of the hierarchy is mounted there.
    root: String,
}

/// A hierarchy that counts something which is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unified,
    Cpu,
    Memory,
    Disk,
}

/// Version 1's, by the names of their controllers.
const CONTROLLERS: [(&str, Kind); 3] = [("cpuacct", Kind::Cpu), ("memory", Kind::Memory), ("blkio", Kind::Disk)];

impl Mounts {
    /// Those that the agent sees.
    pub fn read() -> ProcResult<Self> {
        let mut found = Vec::new();
        for mount in Process::myself()?.mountinfo()? {
            let kinds = CONTROLLERS.iter().filter(|(name, _)| mount.super_options.contains_key(*name));
            let kinds: Vec<Kind> = match mount.fs_type.as_str() {
                "cgroup" => kinds.map(|(_, kind)| *kind).collect(),
                "cgroup2" => vec![Kind::Unified],
                _ => continue,
            };
            let place = |kind| Mount { kind, point: mount.mount_point.clone(), root: mount.root.clone() };
            found.extend(kinds.into_iter().map(place));
        }
        Ok(Self(found))
    }

    /// Puts what the member's own cgroups say in the place of what was summed over its processes.
    pub fn refine(&self, sample: &mut Sample, pids: &[i32]) {
        // All of its processes are in the same ones, or none is its own.
        let Some(groups) = pids.first().and_then(|pid| Process::new(*pid).ok()?.cgroups().ok()) else { return };
        for group in &groups {
            for mount in self.0.iter().filter(|mount| mount.holds(group.hierarchy, &group.controllers)) {
                if let Some(folder) = mount.folder(&group.pathname).filter(|folder| is_own(folder, pids)) {
                    mount.kind.refine(sample, &folder);
                }
            }
        }
    }
}

impl Mount {
    fn holds(&self, hierarchy: u32, controllers: &[String]) -> bool {
        let named = |(name, kind): &(&str, Kind)| *kind == self.kind && controllers.iter().any(|one| one == name);
        if self.kind == Kind::Unified { hierarchy == 0 } else { CONTROLLERS.iter().any(named) }
    }

    /// The folder of a cgroup; none for the root, which is nobody's own, and for what is not mounted here.
    fn folder(&self, group: &str) -> Option<PathBuf> {
        let inside = group.strip_prefix(self.root.trim_end_matches('/'))?.strip_prefix('/')?;
        let escapes = inside.split('/').any(|part| part == "..");
        (!inside.is_empty() && !escapes).then(|| self.point.join(inside))
    }
}

impl Kind {
    fn refine(self, sample: &mut Sample, folder: &Path) {
        let set = |slot: &mut u64, value: Option<u64>| *slot = value.unwrap_or(*slot);
        match self {
            Self::Unified => {
                set(&mut sample.cpu_ms, keyed(folder, "cpu.stat", "usage_usec").map(|micros| micros / 1000));
                set(&mut sample.memory_bytes, held(folder, "memory.current", "inactive_file"));
                set(&mut sample.read_bytes, disk(folder, "io.stat", |line| after(line, "rbytes=")));
                set(&mut sample.written_bytes, disk(folder, "io.stat", |line| after(line, "wbytes=")));
            }
            Self::Cpu => set(&mut sample.cpu_ms, number(folder, "cpuacct.usage").map(|nanos| nanos / 1_000_000)),
            Self::Memory => {
                set(&mut sample.memory_bytes, held(folder, "memory.usage_in_bytes", "total_inactive_file"));
            }
            Self::Disk => {
                let file = "blkio.throttle.io_service_bytes";
                set(&mut sample.read_bytes, disk(folder, file, |line| after(line, "Read ")));
                set(&mut sample.written_bytes, disk(folder, file, |line| after(line, "Write ")));
            }
        }
    }
}

/// Whether somebody is in it, and nobody else.
fn is_own(folder: &Path, pids: &[i32]) -> bool {
    let Ok(inside) = fs::read_to_string(folder.join("cgroup.procs")) else { return false };
    !inside.is_empty() && inside.lines().all(|line| line.parse().is_ok_and(|pid: i32| pids.contains(&pid)))
}

/// Memory but for cached files that nobody has used for a while: the kernel takes it back when it is short.
fn held(folder: &Path, file: &str, cached: &str) -> Option<u64> {
    Some(number(folder, file)?.saturating_sub(keyed(folder, "memory.stat", cached).unwrap_or(0)))
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
}

/// The value of a name in a file of names and numbers.
fn keyed(folder: &Path, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    text.lines().filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name)?.1.trim().parse().ok()
}

/// The sum over all disks of what their lines say.
fn disk(folder: &Path, file: &str, of_line: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    Some(text.lines().filter_map(of_line).sum())
}

/// The number that follows a mark.
fn after(line: &str, mark: &str) -> Option<u64> {
    line.split_once(mark)?.1.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    fn refined(kind: Kind, files: &[(&str, &str)]) -> Sample {
        let mut sample = Sample { cpu_ms: 1, memory_bytes: 2, read_bytes: 3, written_bytes: 4, ..Sample::default() };
        kind.refine(&mut sample, folder(files).path());
        sample
    }

    #[test]
    fn version_2_has_all_in_one_folder() {
        let sample = refined(
            Kind::Unified,
            &[
                ("cpu.stat", "usage_usec 7000000\nuser_usec 6000000\n"),
                ("memory.current", "1000\n"),
                ("memory.stat", "anon 600\ninactive_file 300\n"),
                ("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=5 wbytes=6 rios=1 wios=2\n"),
            ],
        );
        assert_eq!((sample.cpu_ms, sample.memory_bytes), (7_000, 700));
        assert_eq!((sample.read_bytes, sample.written_bytes), (15, 26));
    }

    #[test]
    fn version_1_has_one_for_each_controller() {
        assert_eq!(refined(Kind::Cpu, &[("cpuacct.usage", "7000000000\n")]).cpu_ms, 7_000);
        let memory = [("memory.usage_in_bytes", "1000\n"), ("memory.stat", "cache 5\ntotal_inactive_file 300\n")];
        assert_eq!(refined(Kind::Memory, &memory).memory_bytes, 700);
        let lines = "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 5\nTotal 35\n";
        let disk = refined(Kind::Disk, &[("blkio.throttle.io_service_bytes", lines)]);
        assert_eq!((disk.read_bytes, disk.written_bytes), (15, 20));
    }

    #[test]
    fn what_a_cgroup_does_not_count_stands() {
        let sample = refined(Kind::Unified, &[]);
        assert_eq!((sample.cpu_ms, sample.memory_bytes), (1, 2));
        assert_eq!((sample.read_bytes, sample.written_bytes), (3, 4));
    }

    #[test]
    fn one_that_others_are_in_is_not_the_members() {
        let shared = folder(&[("cgroup.procs", "7\n8\n")]);
        assert!(is_own(shared.path(), &[7, 8, 9]));
        assert!(!is_own(shared.path(), &[7]));
        assert!(!is_own(folder(&[("cgroup.procs", "")]).path(), &[7]));
    }

    #[test]
    fn a_cgroup_is_found_below_what_is_mounted() {
        let mount = |root: &str| Mount { kind: Kind::Unified, point: "/sys/fs/cgroup".into(), root: root.into() };
        assert_eq!(mount("/").folder("/docker/1"), Some("/sys/fs/cgroup/docker/1".into()));
        assert_eq!(mount("/docker").folder("/docker/1"), Some("/sys/fs/cgroup/1".into()));
        for (root, group) in [("/", "/"), ("/docker", "/docker"), ("/dock", "/docker/1"), ("/", "/../1")] {
            assert_eq!(mount(root).folder(group), None, "{root} {group}");
        }
    }

    #[test]
    fn controllers_of_version_1_are_found_by_name() {
        let mount = |kind| Mount { kind, point: "/sys".into(), root: "/".into() };
        let both = ["cpu".to_owned(), "cpuacct".to_owned()];
        assert!(mount(Kind::Cpu).holds(4, &both) && !mount(Kind::Memory).holds(4, &both));
        assert!(mount(Kind::Unified).holds(0, &[]) && !mount(Kind::Unified).holds(4, &both));
    }
}
