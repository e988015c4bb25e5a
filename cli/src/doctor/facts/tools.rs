//! Programs that are needed on this machine.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::platform;

const LIMIT: Duration = Duration::from_secs(5);

/// Which programs are there.
pub struct Tools {
    /// Git, which sends and brings files.
    pub git: Git,
    /// Python, in the order of PATH; looked for where jobs run.
    pub pythons: Vec<Python>,
    /// Programs of the platform that are not there, and what helps.
    pub missing: Vec<(String, &'static str)>,
    /// Whether jobs run on this machine.
    pub for_jobs: bool,
}

/// What Git says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Git {
    /// It cannot be started.
    Missing(String),
    /// It answered what is no version.
    Unknown(String),
    /// Its version.
    Version(u32, u32),
}

/// A `python3`.
pub struct Python {
    /// Where.
    pub path: PathBuf,
    /// Whether users other than root reach it.
    pub reachable: bool,
}

impl Tools {
    /// Looks for them.
    pub async fn gather(for_jobs: bool) -> Self {
        let search_path = env::var_os("PATH").unwrap_or_default();
        Self {
            git: git().await,
            pythons: if for_jobs { pythons(&search_path) } else { Vec::new() },
            missing: if for_jobs { platform::missing_programs() } else { Vec::new() },
            for_jobs,
        }
    }
}

async fn git() -> Git {
    let asked = Command::new("git").arg("--version").kill_on_drop(true).output();
    match timeout(LIMIT, asked).await {
        Ok(Ok(output)) => version(&String::from_utf8_lossy(&output.stdout)),
        Ok(Err(error)) => Git::Missing(error.to_string()),
        Err(_) => Git::Missing("it does not answer".to_owned()),
    }
}

/// Reads `git version 2.39.5 (Apple Git-154)` and the like.
fn version(answer: &str) -> Git {
    let mut numbers = answer.trim_start_matches("git version ").split(['.', ' ', '\n']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Git::Version(major, minor),
        _ => Git::Unknown(answer.trim().to_owned()),
    }
}

fn pythons(search_path: &OsStr) -> Vec<Python> {
    let candidates = env::split_paths(search_path).map(|folder| folder.join("python3"));
    let programs = candidates.filter(|path| fs::metadata(path).is_ok_and(|d| d.is_file() && d.mode() & 0o111 != 0));
    programs.map(|path| Python { reachable: is_reachable(&path), path }).collect()
}

/// Whether every folder on the way is open to all; only root runs jobs as other users.
fn is_reachable(program: &Path) -> bool {
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    let folder = program.parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| platform::closed_folder(&folder).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_versions_are_read() {
        assert_eq!(version("git version 2.39.5\n"), Git::Version(2, 39));
        assert_eq!(version("git version 2.30.windows.1\n"), Git::Version(2, 30));
        assert_eq!(version("what?\n"), Git::Unknown("what?".to_owned()));
    }
}
