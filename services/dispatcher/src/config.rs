//! What the dispatcher is told: `config/default.toml` lists every key.

use std::{ffi::OsString, ops::Range, path::PathBuf, time::Duration};

use katonic_service::config::{
    BrokerSection, Configuration, InstallationSection, KeysSection, LogSection, PeersSection, ServiceSection,
    TelemetrySection,
};
use katonic_store::StoreConfig;
use serde::{Deserialize, Serialize};

use crate::{
    backend::{docker, process},
    reconcile::plan::Deadlines,
};

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub service: ServiceSection,
    /// Which installation it is part of.
    pub installation: InstallationSection,
    /// Keys of internal tokens.
    pub keys: KeysSection,
    /// Its own database.
    pub store: StoreConfig,
    /// Its own broker user.
    pub broker: BrokerSection,
    /// metadata and log-streamer.
    pub peers: PeersSection,
    /// How it logs.
    #[serde(default)]
    pub log: LogSection,
    /// Where its spans go.
    #[serde(default)]
    pub telemetry: TelemetrySection,
    /// Where members run.
    #[serde(default)]
    pub backend: BackendSection,
    /// This machine's part in it.
    pub process: ProcessSection,
    /// The container engine.
    #[serde(default)]
    pub docker: DockerSection,
    /// How long states may last.
    #[serde(default)]
    pub deadlines: DeadlinesSection,
}

impl Configuration for Config {
    fn log(&self) -> &LogSection {
        &self.log
    }

    fn telemetry(&self) -> &TelemetrySection {
        &self.telemetry
    }
}

/// `[backend]`: where members run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackendSection {
    /// Which.
    pub kind: BackendKind,
}

/// Which backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Processes of this machine.
    #[default]
    Process,
    /// Containers of an engine that speaks Docker's API.
    Docker,
}

/// `[docker]`: members as containers of this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerSection {
    /// The engine's socket.
    pub socket: PathBuf,
    /// The image that executions run in.
    pub image: String,
}

impl Default for DockerSection {
    fn default() -> Self {
        Self { socket: "/run/docker.sock".into(), image: "katonic-base:bookworm".to_owned() }
    }
}

impl Config {
    /// What the backend `docker` is made of.
    pub fn docker_settings(&self) -> std::io::Result<docker::Settings> {
        let process = self.process.settings()?;
        Ok(docker::Settings {
            installation: self.installation.id,
            socket: self.docker.socket.clone(),
            image: self.docker.image.clone(),
            members: process.members,
            work: process.work,
            shim: process.shim,
            uids: process.uids,
        })
    }
}

/// `[process]`: members as processes of this machine; all but the PATH holds for containers too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSection {
    /// Member directories, 0700.
    pub members: PathBuf,
    /// Working folders; every user can traverse it.
    pub work: PathBuf,
    /// The agent's cache of input commits, 0700.
    pub git_cache: PathBuf,
    /// The `katonic-agent` program; beside this one where not set.
    #[serde(default)]
    pub agent: Option<PathBuf>,
    /// The `katonic-shim` program; beside this one where not set.
    #[serde(default)]
    pub shim: Option<PathBuf>,
    /// Base URI of the gateway, which agents talk to.
    pub gateway: String,
    /// The PATH of commands, before what they cannot reach is left out; this process's where not set.
    #[serde(default)]
    pub path: Option<String>,
    /// First of the user ids that members get, where we are root.
    #[serde(default = "first_uid")]
    pub uid_first: u32,
    /// How many user ids: members that can run at once.
    #[serde(default = "uid_count")]
    pub uid_count: u32,
}

/// Above what distributions and directories give to people, below `nobody` of 32-bit user namespaces.
const fn first_uid() -> u32 {
    1_900_000
}

const fn uid_count() -> u32 {
    1_000
}

impl ProcessSection {
    /// What the backend is made of. User ids are given only by root.
    pub fn settings(&self) -> std::io::Result<process::Settings> {
        Ok(process::Settings {
            members: self.members.clone(),
            work: self.work.clone(),
            shim: program(self.shim.as_ref(), "katonic-shim")?,
            path: self.path.as_ref().map_or_else(own_path, OsString::from),
            uids: rustix::process::geteuid().is_root().then(|| self.uids()),
        })
    }

    /// The agent's program.
    pub fn agent_program(&self) -> std::io::Result<PathBuf> {
        program(self.agent.as_ref(), "katonic-agent")
    }

    fn uids(&self) -> Range<u32> {
        self.uid_first..self.uid_first.saturating_add(self.uid_count)
    }
}

fn own_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

fn program(configured: Option<&PathBuf>, name: &str) -> std::io::Result<PathBuf> {
    match configured {
        Some(program) => Ok(program.clone()),
        None => Ok(std::env::current_exe()?.with_file_name(name)),
    }
}

/// `[deadlines]`, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadlinesSection {
    /// In the queue; not set means as long as it takes.
    pub queued_seconds: Option<u64>,
    /// From admission to user code.
    pub starting_seconds: u64,
    /// Beyond a stop's grace time, before the backend ends it.
    pub stop_margin_seconds: u64,
    /// From the loss of a shim to its end without its agent's help.
    pub lost_seconds: u64,
    /// From the fixed outcome to the end.
    pub finishing_seconds: u64,
}

impl Default for DeadlinesSection {
    fn default() -> Self {
        Self {
            queued_seconds: None,
            starting_seconds: 15 * 60,
            // KILL and its 10 s, then what the agent needs to report.
            stop_margin_seconds: 40,
            // The agent is started again within seconds; it knows more than we do.
            lost_seconds: 60,
            finishing_seconds: 10 * 60,
        }
    }
}

impl From<&DeadlinesSection> for Deadlines {
    fn from(section: &DeadlinesSection) -> Self {
        Self {
            queued: section.queued_seconds.map(Duration::from_secs),
            starting: Duration::from_secs(section.starting_seconds),
            stop_margin: Duration::from_secs(section.stop_margin_seconds),
            lost: Duration::from_secs(section.lost_seconds),
            finishing: Duration::from_secs(section.finishing_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use katonic_service::config::keys;

    use super::*;

    /// `config/default.toml` is the reference that docs/configuration.md is made from.
    #[test]
    fn the_default_file_shows_every_key_and_the_defaults() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.toml"));
        let missing = keys::not_in_the_file::<Config>(file).expect("a valid file");
        assert!(missing.is_empty(), "give {missing:?} a line in config/default.toml, `# key = value` where optional");
        let other = keys::not_the_default::<Config>(file).expect("a valid file");
        assert!(other.is_empty(), "config/default.toml says something else than the code of {other:?}");
    }
}
