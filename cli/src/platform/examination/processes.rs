//! Processes that no part is: the agent, what jobs left behind, and other
//! platforms of this machine.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use katonic_member::{Liveness, MemberDir, Members};

use crate::platform::{home::Home, site::Site};

/// Whether jobs are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// There was none yet.
    Never,
    /// It is alive.
    Alive,
    /// It has ended.
    Gone,
}

/// A process of a job that is over.
#[derive(Debug)]
pub struct Leftover {
    /// Its id.
    pub pid: u32,
    /// The user that the job ran as.
    pub uid: u32,
    /// What it runs.
    pub command: String,
}

/// The agent of a data directory.
pub fn agent(home: &Home) -> Agent {
    // Opening makes the folder where there is none.
    let members = home.members().is_dir().then(|| Members::open(home.members()).ok()).flatten();
    match members.map(|members| members.agent()) {
        Some(Ok(Liveness::Running(_))) => Agent::Alive,
        Some(Ok(Liveness::Gone(_))) => Agent::Gone,
        _ => Agent::Never,
    }
}

/// Processes under the users of this installation's jobs that belong to no running member.
pub fn leftovers(site: &Site) -> Vec<Leftover> {
    let Ok(running) = users_of_running_members(&site.home) else { return Vec::new() };
    let ours = site.installation.uids();
    let left = processes().filter(|(_, uid, _)| ours.contains(uid) && !running.contains(uid));
    left.map(|(pid, uid, folder)| Leftover { pid, uid, command: words(&folder).join(" ") }).collect()
}

fn users_of_running_members(home: &Home) -> Result<BTreeSet<u32>, katonic_member::Error> {
    let mut users = BTreeSet::new();
    if home.members().is_dir() {
        for member in Members::open(home.members())?.list()? {
            users.extend(user_of(&member)?);
        }
    }
    Ok(users)
}

/// The user of a member that is still there; once it is removed, nothing should run as that user.
fn user_of(member: &MemberDir) -> Result<Option<u32>, katonic_member::Error> {
    Ok(member.launch()?.and_then(|launch| launch.run_as).map(|user| user.uid))
}

/// Data directories of platforms that run on this machine, other than `own`.
pub fn other_platforms(own: &Path) -> Vec<String> {
    let supervisors = processes().filter(|(_, _, folder)| is_supervisor(&words(folder)));
    let homes: BTreeSet<String> = supervisors.filter_map(|(_, _, folder)| home_of(&folder).ok()?).collect();
    homes.into_iter().filter(|home| Path::new(home) != own).collect()
}

fn is_supervisor(words: &[String]) -> bool {
    matches!(words, [program, verb, ..] if program.ends_with("katonic") && verb == "supervise")
}

fn home_of(process: &Path) -> io::Result<Option<String>> {
    let environment = fs::read(process.join("environ"))?;
    let mut entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    Ok(entries.find_map(|entry| entry.strip_prefix("KATONIC_HOME=").map(str::to_owned)))
}

/// Id, user and folder of every process.
fn processes() -> impl Iterator<Item = (u32, u32, PathBuf)> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    folders.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.metadata().ok()?.uid(), entry.path()))
    })
}

/// The command line of a process.
fn words(process: &Path) -> Vec<String> {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
