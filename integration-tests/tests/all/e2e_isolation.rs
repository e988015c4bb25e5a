//! User code finds no credential, and nothing of ours is reachable from beyond
//! this machine.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{Shared, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("user_code_finds_no_token", user_code_finds_no_token),
        shared("nothing_listens_beyond_loopback", nothing_listens_beyond_loopback),
    ]
}

/// Looks for anything like a token wherever this user may look.
const SEARCH: &str = r#"
import os, re, sys
# Spelled so that this program does not find itself.
token = re.compile(rb"ka[t]_[0-9A-Za-z]{20,}|km[t]_[0-9A-Za-z]{20,}|ey[J][0-9A-Za-z_-]{20,}\.")
def look(path):
    try:
        with open(path, "rb") as file:
            if token.search(file.read(1 << 20)):
                print("FOUND", path)
    except OSError:
        pass
for process in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        look(f"/proc/{process}/{name}")
    try:
        for fd in os.listdir(f"/proc/{process}/fd"):
            look(f"/proc/{process}/fd/{fd}") if process != str(os.getpid()) else None
    except OSError:
        pass
for root in sys.argv[1:]:
    for folder, folders, files in os.walk(root):
        # Of what others keep in /tmp only what may be a temporary folder of ours.
        if folder == "/tmp":
            folders[:] = [name for name in folders if name.startswith((".tmp", "katonic"))]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                look(path)
print("LOOKED as", os.getuid())
"#;

async fn user_code_finds_no_token(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("finds-no-token").await?;
    let home = platform.home();
    let around = home.parent().context("the data directory has a parent")?.display().to_string();
    let work = format!("{}-work", home.display());
    let id = rest.submit(&project, &["python3", "-c", SEARCH, ".", "..", &around, &work, "/tmp", "/run"]).await?;
    let execution = rest.ended(&id).await?;
    let lines: Vec<String> =
        rest.log(&id).await?.iter().filter_map(|entry| entry["text"].as_str().map(ToOwned::to_owned)).collect();
    ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}\n{lines:#?}");
    ensure!(lines.iter().any(|line| line.starts_with("LOOKED as")), "{lines:#?}");
    ensure!(!lines.iter().any(|line| line.starts_with("FOUND")), "{lines:#?}");
    if rustix::process::geteuid().is_root() {
        ensure!(!lines.contains(&"LOOKED as 0".to_owned()), "user code runs as root");
    }
    Ok(())
}

async fn nothing_listens_beyond_loopback(platform: Shared) -> Result<()> {
    let listening = sockets_beyond_loopback()?;
    let status = platform.status()?;
    let mut pids: BTreeSet<u32> = BTreeSet::new();
    collect_pids(&status, &mut pids);
    ensure!(pids.len() >= 8, "status names too few processes: {status}");
    add_descendants(&mut pids)?;
    for pid in pids {
        for inode in socket_inodes(pid) {
            ensure!(!listening.contains(&inode), "process {pid} listens beyond loopback: {}", command_line(pid));
        }
    }
    Ok(())
}

fn collect_pids(value: &Value, pids: &mut BTreeSet<u32>) {
    match value {
        Value::Object(fields) => {
            if let Some(pid) = fields.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok()) {
                pids.insert(pid);
            }
            fields.values().for_each(|field| collect_pids(field, pids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_pids(item, pids)),
        _ => {}
    }
}

/// Inodes of sockets that listen on an address other than `127.0.0.0/8` and `::1`.
fn sockets_beyond_loopback() -> Result<BTreeSet<String>> {
    const LISTEN: &str = "0A";
    let mut inodes = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table)?.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, ..] = columns[..] else { continue };
            let loopback = local.starts_with("0100007F:") || local.starts_with("00000000000000000000000001000000:");
            if state == LISTEN && !loopback {
                inodes.extend(columns.get(9).map(ToString::to_string));
            }
        }
    }
    Ok(inodes)
}

/// Sockets that a process holds.
fn socket_inodes(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

fn add_descendants(pids: &mut BTreeSet<u32>) -> Result<()> {
    loop {
        let before = pids.len();
        for process in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
            if parent.is_some_and(|parent| pids.contains(&parent)) {
                pids.insert(pid);
            }
        }
        if pids.len() == before {
            return Ok(());
        }
    }
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).replace('\0', " ")
}
