//! Starts one platform by the real `katonic up`, and ends it.
//!
//! Must hold: it is reached by its own data directory only; whatever a test
//! does, `down --stop-jobs` follows and nothing of it stays behind.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{cli::Cli, rest::Rest, rpc::Rpc};

static STARTING: Mutex<()> = Mutex::new(());

/// A running platform.
pub struct Platform {
    folder: TempDir,
    programs: PathBuf,
    url: String,
    admin_token: String,
    whole: RwLock<()>,
}

impl Platform {
    /// Starts it. Jobs are processes, whatever engine this machine has.
    pub fn start() -> Result<Self> {
        Self::start_with(&["--backend", "process"], &[])
    }

    /// Starts it with arguments of `up` and variables in its environment.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let programs = programs()?;
        // Not below /root: jobs run under uids of their own. User code must reach the folder.
        let folder = tempfile::Builder::new().prefix("katonic-test-").tempdir_in("/var/tmp")?;
        open_to_users(folder.path())?;
        // Ports are chosen before they are bound: two that start at once could choose the same.
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut platform =
            Self { folder, programs, url: String::new(), admin_token: String::new(), whole: RwLock::new(()) };
        platform.manage(&[&["up"], arguments].concat(), variables)?;
        platform.url = platform.client_file()?;
        platform.admin_token = fs::read_to_string(platform.home().join("secrets/admin-token"))?.trim().to_owned();
        Ok(platform)
    }

    /// `katonic up`.
    pub fn up(&self) -> Result<()> {
        self.up_with(&[])
    }

    /// `katonic up` with variables in its environment.
    pub fn up_with(&self, variables: &[(&str, &str)]) -> Result<()> {
        self.manage(&["up"], variables)
    }

    /// `katonic down`, with arguments.
    pub fn down(&self, arguments: &[&str]) -> Result<()> {
        let mut all = vec!["down"];
        all.extend(arguments);
        self.manage(&all, &[])
    }

    /// Ends it and all jobs. Its folder goes too, unless it may tell why a test failed.
    pub fn end(&self, remove: bool) -> Result<()> {
        self.down(&["--stop-jobs"])?;
        if remove {
            return Ok(fs::remove_dir_all(self.folder.path())?);
        }
        eprintln!("logs and data are kept in {}", self.folder.path().display());
        Ok(())
    }

    fn manage(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
        let output = self.command("katonic").args(arguments).envs(variables.iter().copied()).output()?;
        ensure!(
            output.status.success(),
            "katonic {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// A program of ours, told of this platform's data directory and no other.
    pub fn command(&self, program: &str) -> Command {
        self.told(Command::new(self.programs.join(program)))
    }

    fn told(&self, mut command: Command) -> Command {
        command.env("KATONIC_HOME", self.home()).env_remove("KATONIC_URL").env_remove("KATONIC_TOKEN");
        command
    }

    /// A shell that finds our programs first, and the Python that has the packages of the tests.
    pub fn shell(&self) -> Result<Command> {
        let mut folders = vec![self.programs.clone()];
        folders.extend(
            env::var_os("KATONIC_TEST_PYTHON").and_then(|python| Some(Path::new(&python).parent()?.to_owned())),
        );
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let mut shell = self.told(Command::new("bash"));
        shell.env("PATH", env::join_paths(folders)?).env("no_proxy", "127.0.0.1");
        Ok(shell)
    }

    /// The data directory.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A new empty folder that jobs' users may reach.
    pub fn scratch(&self) -> Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("scratch-").tempdir_in(self.folder.path())?;
        open_to_users(folder.path())?;
        Ok(folder)
    }

    /// Base URI of the gateway.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The local admin's token.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// REST as the admin.
    pub fn rest(&self) -> Rest {
        Rest::new(&self.url, Some(&self.admin_token))
    }

    /// gRPC as the admin.
    pub async fn rpc(&self) -> Result<Rpc> {
        Rpc::connect(&self.url, &self.admin_token).await
    }

    /// The CLI in a folder.
    pub fn cli(&self, folder: &Path) -> Cli<'_> {
        Cli::new(self, folder)
    }

    /// Takes a share of the platform: it stays whole meanwhile.
    pub async fn shared(&self) -> RwLockReadGuard<'_, ()> {
        self.whole.read().await
    }

    /// Takes the platform alone: nobody minds if it breaks.
    pub async fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.whole.write().await
    }

    /// `katonic status --output json`.
    pub fn status(&self) -> Result<Value> {
        let output = self.command("katonic").args(["status", "--output", "json"]).output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("katonic status: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn client_file(&self) -> Result<String> {
        let text = fs::read_to_string(self.home().join("client.toml"))?;
        let line =
            text.lines().find_map(|line| line.strip_prefix("gateway = ")).context("client.toml has no gateway")?;
        Ok(line.trim_matches('"').to_owned())
    }
}

fn open_to_users(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?)
}

/// The programs that `just build` made and that users run too: `dist/` in the
/// target folder, which this program lies somewhere below.
fn programs() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.ancestors().map(|folder| folder.join("dist")).find(|dist| dist.join("katonic").exists());
    folder.context("build the programs first: just build")
}
