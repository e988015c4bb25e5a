//! Whether this machine, and the shell on it, are fit for use.

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::{Facts, Host},
    },
    text,
};

/// What agent and shim ask of the kernel: `openat2`.
const KERNEL: (u32, u32) = (5, 6);
/// What a platform takes together, before any job.
const MEMORY: u64 = 1 << 30;
/// Debian's own limit, and more than store and broker need for a few users.
const OPEN_FILES: u64 = 1024;

pub const CHECKS: &[Check] = &[
    Check {
        code: "LOCALE_NOT_UTF8",
        severity: Warning,
        cause: "names and log lines with other than ASCII characters are shown wrongly, or end Python programs",
        next: "run `export LC_ALL=C.UTF-8`",
        find: locale,
    },
    Check {
        code: "UMASK_OPEN",
        severity: Warning,
        cause: "others may change the files that you make here, results among them",
        next: "run `umask 022`, and look for who set it otherwise in your shell's profile",
        find: umask,
    },
    Check {
        code: "CACHE_UNUSABLE",
        severity: Problem,
        cause: "`katonic run` keeps the folder's Git directory there, apart from your own",
        next: "set XDG_CACHE_HOME to a folder of your own that you may write",
        find: cache,
    },
    Check {
        code: "KERNEL_TOO_OLD",
        severity: Problem,
        cause: "jobs' folders are opened by system calls that came with Linux 5.6",
        next: "upgrade to Debian 12 or a distribution as new",
        find: kernel,
    },
    Check {
        code: "MEMORY_SHORT",
        severity: Warning,
        cause: "store, broker and services take about 1 GiB together; short of it, the kernel kills one of them",
        next: "end other programs, add memory or swap, or stop jobs by `katonic jobs stop`",
        find: memory,
    },
    Check {
        code: "OPEN_FILES_LIMITED",
        severity: Warning,
        cause: "what `katonic up` starts inherits the limit, and every connection and log is an open file",
        next: "run `ulimit -n 4096` before `katonic up`, or raise it in /etc/security/limits.conf",
        find: open_files,
    },
    Check {
        code: "JOBS_SHARE_YOUR_USER",
        severity: Warning,
        cause: "only root can give each job a user of its own; as they are, jobs may read the platform's secrets",
        next: "start the platform as root, or let only people whom you trust use it",
        find: shared_user,
    },
];

fn locale(facts: &Facts) -> Vec<Found> {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, facts.given.variable(name)?)));
    match set {
        Some((_, value)) if value.to_ascii_uppercase().replace('-', "").ends_with("UTF8") => Vec::new(),
        Some((name, value)) => vec![Found::fact(format!("{name} is `{value}`, which is not UTF-8"))],
        None => vec![Found::fact("none of LC_ALL, LC_CTYPE and LANG is set")],
    }
}

fn umask(facts: &Facts) -> Vec<Found> {
    match facts.given.umask {
        Some(mask) if mask & 0o002 == 0 => {
            vec![Found::fact(format!("the umask is {mask:03o}: everybody may write new files"))]
        }
        _ => Vec::new(),
    }
}

fn cache(facts: &Facts) -> Vec<Found> {
    facts.given.cache.as_ref().err().map(|error| Found::fact(error.to_string())).into_iter().collect()
}

fn of_host(facts: &Facts, judge: impl Fn(&Host) -> Option<String>) -> Vec<Found> {
    facts.host.as_ref().and_then(judge).map(Found::fact).into_iter().collect()
}

fn kernel(facts: &Facts) -> Vec<Found> {
    of_host(facts, |host| {
        let (major, minor) = host.kernel.filter(|version| *version < KERNEL)?;
        Some(format!("the kernel is Linux {major}.{minor}"))
    })
}

fn memory(facts: &Facts) -> Vec<Found> {
    of_host(facts, |host| {
        // What runs already has its memory.
        let needed = if host.platform.runs() { MEMORY / 4 } else { MEMORY };
        let available = host.available_memory.filter(|available| *available < needed)?;
        Some(format!("{} of memory are available", text::bytes(available)))
    })
}

fn open_files(facts: &Facts) -> Vec<Found> {
    of_host(facts, |host| {
        let limit = host.open_files.filter(|limit| *limit < OPEN_FILES)?;
        Some(format!("a process may have only {limit} files open"))
    })
}

fn shared_user(facts: &Facts) -> Vec<Found> {
    of_host(facts, |_| (!facts.given.is_root).then(|| "jobs of this machine's platform run as you".to_owned()))
}
