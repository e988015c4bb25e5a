//! Git, started so that nothing it finds can run or redirect it (M5).
//!
//! Its directory is out of the users' reach; system and user configuration,
//! hooks, filters, attributes, fsmonitor, submodules and redirects are off. A
//! token is handed over in the environment of the one process that needs it,
//! never as an argument. It never touches a work tree: files are written and
//! read by ourselves.

mod cache;

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use katonic_service::Secret;
use tokio::{process::Command, time::timeout};

pub use cache::{Cache, CacheError};

/// Moving a large project over a slow network.
const TRANSFER_LIMIT: Duration = Duration::from_mins(10);
/// What is kept of what Git says.
const SAID_BYTES: usize = 2_000;

const SETTINGS: [(&str, &str); 11] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.fsync", "committed"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
];

/// Why a transfer did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git cannot be started.
    #[error("git cannot be started")]
    Start(#[source] io::Error),
    /// It took too long.
    #[error("git did not end in time")]
    Timeout,
    /// It said no.
    #[error("git failed: {0}")]
    Failed(String),
}

/// A bare repository of ours.
#[derive(Debug, Clone)]
pub struct Repository {
    directory: PathBuf,
}

impl Repository {
    /// Opens one, making it where there is none; objects of `alternate` are its own.
    pub fn open(directory: PathBuf, alternate: Option<&Self>) -> io::Result<Self> {
        let info = directory.join("objects/info");
        std::fs::create_dir_all(&info)?;
        std::fs::create_dir_all(directory.join("refs"))?;
        if let Some(alternate) = alternate {
            let objects = std::path::absolute(alternate.directory.join("objects"))?;
            let line = format!("{}\n", objects.display());
            katonic_member::write_whole(&info.join("alternates"), line.as_bytes())?;
        }
        // Last: this makes it a repository.
        if !directory.join("HEAD").exists() {
            katonic_member::write_whole(&directory.join("config"), b"[core]\n\tbare = true\n")?;
            katonic_member::write_whole(&directory.join("HEAD"), b"ref: refs/heads/none\n")?;
        }
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Git on this repository, without a work tree, talking to nobody.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> std::process::Command {
        self.configured(arguments, &[])
    }

    fn configured(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        secret: &[(&str, String)],
    ) -> std::process::Command {
        let mut command = std::process::Command::new("git");
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(arguments).env_clear().env("PATH", path).current_dir("/").stdin(Stdio::null());
        command.env("GIT_DIR", &self.directory);
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "http:https"),
            ("LC_ALL", "C"),
        ]);
        let settings = SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let settings: Vec<_> = settings.chain(secret.iter().cloned()).collect();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (number, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
    }

    /// Git talking to a remote as whoever holds the token.
    async fn transfer(&self, token: &Secret<String>, arguments: &[&str]) -> Result<(), Error> {
        let header = format!("Authorization: Bearer {}", token.expose());
        let mut command = Command::from(self.configured(arguments, &[("http.extraHeader", header)]));
        command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().map_err(Error::Start)?;
        let ended = timeout(TRANSFER_LIMIT, child.wait_with_output()).await.map_err(|_| Error::Timeout)?;
        let output = ended.map_err(Error::Start)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::Failed(said.trim().chars().take(SAID_BYTES).collect()))
    }

    /// Pushes a commit to a ref of a remote.
    pub async fn push(&self, remote: &str, token: &Secret<String>, commit: &str, to: &str) -> Result<(), Error> {
        let refspec = format!("{commit}:{to}");
        self.transfer(token, &["push", "--quiet", "--no-verify", remote, &refspec]).await
    }
}

/// The address of a project's repository at the gateway.
pub fn remote(gateway: &str, project_id: &str) -> String {
    format!("{gateway}/git/{project_id}.git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_of_ours_is_one_to_git_and_hears_of_no_other_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::open(folder.path().join("r.git"), None).expect("made");
        let again = Repository::open(folder.path().join("r.git"), None).expect("opened");
        assert_eq!(again.path(), repository.path());
        let output = again.command(["config", "--list", "--show-origin"]).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.lines().all(|line| line.starts_with("command line:") || line.starts_with("file:")), "{text}");
        assert!(text.contains("core.hookspath=/dev/null"), "{text}");
    }
}
