//! Whether the data directory is whole, closed to others, and has room.

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::Facts,
    },
    platform::{DataDirectory, Filesystem, Place},
    text,
};

/// What `katonic up` asks for; below it the broker stops, too.
const NEEDED_BYTES: u64 = 512 << 20;
/// What is gone in a day of logs and results.
const SPARE_BYTES: u64 = 4 << 30;
/// Repositories and member folders are many small files.
const NEEDED_FILES: u64 = 10_000;

pub const CHECKS: &[Check] = &[
    Check {
        code: "JOBS_CANNOT_REACH_WORK",
        severity: Problem,
        cause: "jobs run as users of their own, who must be able to enter each folder above the one they work in",
        next: "set KATONIC_HOME to a folder such as /var/lib/katonic",
        find: |facts| of_data(facts, work_unreachable),
    },
    Check {
        code: "DATA_FOREIGN",
        severity: Problem,
        cause: "the platform was started by another user, or the folder was copied by root",
        next: "run `katonic` as that user, or give the folder back: `chown -R $(id -u) {it}`",
        find: |facts| of_data(facts, foreign),
    },
    Check {
        code: "DATA_OPEN",
        severity: Problem,
        cause: "repositories, logs' spools and the search index lie there unencrypted",
        next: "run `chmod 700 {it}`",
        find: |facts| of_data(facts, open),
    },
    Check {
        code: "DATA_NOT_WRITABLE",
        severity: Problem,
        cause: "it belongs to somebody else, or the file system is mounted read-only, maybe after a fault of the disk",
        next: "look at `findmnt -T {it}` and at the kernel's log, or set KATONIC_HOME to another folder",
        find: |facts| of_place(facts, |place| (!place.is_writable).then(|| "cannot be written".to_owned())),
    },
    Check {
        code: "DATA_IN_MEMORY",
        severity: Problem,
        cause: "all projects, results and logs are gone with the next start of the machine",
        next: "set KATONIC_HOME to a folder on a disk",
        find: in_memory,
    },
    Check {
        code: "DATA_ON_NETWORK",
        severity: Warning,
        cause: "the store needs locks and syncs that network file systems only promise",
        next: "set KATONIC_HOME to a folder on a local disk; blobs and backups may lie on the network",
        find: on_network,
    },
    Check {
        code: "DISK_FULL",
        severity: Problem,
        cause: "the store preallocates its logs, and the broker refuses messages on a full disk",
        next: "free some space where `{it}` lies, or set KATONIC_HOME to a folder on another disk",
        find: disk_full,
    },
    Check {
        code: "DISK_NEARLY_FULL",
        severity: Warning,
        cause: "logs and results grow with every job; a full disk stops all of them",
        next: "free some space where `{it}` lies, while there is time",
        find: disk_nearly_full,
    },
    Check {
        code: "FILES_SHORT",
        severity: Problem,
        cause: "the file system has no room for more files, whatever their size",
        next: "delete small files where `{it}` lies, or make a file system with more inodes",
        find: files_short,
    },
    Check {
        code: "DATA_DAMAGED",
        severity: Problem,
        cause: "somebody changed a file of the data directory, or it is a newer version's",
        next: "put back a copy of the file, or use the `katonic` that wrote it",
        find: |facts| of_data(facts, damaged),
    },
    Check {
        code: "SECRETS_OPEN",
        severity: Problem,
        cause: "who reads it speaks as the administrator, or as a service",
        next: "run `chmod go= {it}`",
        find: |facts| of_data(facts, secrets_open),
    },
    Check {
        code: "SECRETS_LOST",
        severity: Problem,
        cause: "without its keys a platform reads neither its logs nor its store; new ones do not open what is there",
        next: "put back `{it}` from a backup before the next `katonic up`",
        find: |facts| of_data(facts, secrets_lost),
    },
];

fn of_data(facts: &Facts, judge: impl Fn(&DataDirectory) -> Vec<Found>) -> Vec<Found> {
    facts.host.as_ref().map(|host| judge(&host.platform.data)).unwrap_or_default()
}

/// A fact about the file system that the data directory lies on.
fn of_place(facts: &Facts, judge: impl Fn(&Place) -> Option<String>) -> Vec<Found> {
    of_data(facts, |data| {
        let fact = data.place.as_ref().and_then(&judge);
        let root = data.root.display();
        fact.map(|fact| Found::new(&root, format!("{root} {fact}"))).into_iter().collect()
    })
}

fn work_unreachable(data: &DataDirectory) -> Vec<Found> {
    let closed = data.closed.iter();
    closed
        .map(|closed| {
            Found::fact(format!("{} is closed to other users, and jobs would work below it", closed.display()))
        })
        .collect()
}

fn foreign(data: &DataDirectory) -> Vec<Found> {
    let own = rustix::process::geteuid().as_raw();
    match data.owner_and_mode {
        Some((owner, _)) if owner != own => {
            let root = data.root.display();
            vec![Found::new(&root, format!("{root} belongs to the user {owner}, and you are {own}"))]
        }
        _ => Vec::new(),
    }
}

fn open(data: &DataDirectory) -> Vec<Found> {
    match data.owner_and_mode {
        Some((_, mode)) if mode & 0o077 != 0 => {
            let root = data.root.display();
            vec![Found::new(&root, format!("{root} is open to other users (mode {mode:04o})"))]
        }
        _ => Vec::new(),
    }
}

fn in_memory(facts: &Facts) -> Vec<Found> {
    of_place(facts, |place| match place.kind {
        Filesystem::Memory(name) => Some(format!("lies in memory ({name})")),
        _ => None,
    })
}

fn on_network(facts: &Facts) -> Vec<Found> {
    of_place(facts, network)
}

fn network(place: &Place) -> Option<String> {
    match place.kind {
        Filesystem::Network(name) => Some(format!("lies on a network file system ({name})")),
        _ => None,
    }
}

fn disk_full(facts: &Facts) -> Vec<Found> {
    of_place(facts, |place| (place.is_writable && place.free_bytes < NEEDED_BYTES).then(|| room(place)))
}

fn disk_nearly_full(facts: &Facts) -> Vec<Found> {
    of_place(facts, |place| (NEEDED_BYTES..SPARE_BYTES).contains(&place.free_bytes).then(|| room(place)))
}

fn room(place: &Place) -> String {
    format!("has {} free of {}", text::bytes(place.free_bytes), text::bytes(place.total_bytes))
}

fn files_short(facts: &Facts) -> Vec<Found> {
    of_place(facts, |place| {
        let is_short = place.total_files > 0 && place.free_files < NEEDED_FILES;
        is_short.then(|| format!("has room for {} more files of {}", place.free_files, place.total_files))
    })
}

fn damaged(data: &DataDirectory) -> Vec<Found> {
    data.damage.iter().map(Found::fact).collect()
}

fn secrets_open(data: &DataDirectory) -> Vec<Found> {
    let fact = |(path, mode): &(std::path::PathBuf, u32)| {
        Found::new(path.display(), format!("{} is open to other users (mode {mode:04o})", path.display()))
    };
    data.open_secrets.iter().map(fact).collect()
}

fn secrets_lost(data: &DataDirectory) -> Vec<Found> {
    data.lost_secrets.iter().map(|path| Found::new(path.display(), format!("{} is gone", path.display()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_named() {
        let place = |kind| Place {
            kind,
            is_writable: true,
            free_bytes: SPARE_BYTES,
            total_bytes: SPARE_BYTES,
            free_files: NEEDED_FILES,
            total_files: NEEDED_FILES,
        };
        assert_eq!(network(&place(Filesystem::Disk)), None);
        let fact = network(&place(Filesystem::Network("NFS")));
        assert_eq!(fact.as_deref(), Some("lies on a network file system (NFS)"));
    }
}
