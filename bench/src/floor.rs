//! The floor of each figure: the smallest programs with the same hops and the
//! same durable writes, on the servers of the same platform.
//!
//! ```text
//!  bench ─HTTP─> gateway ─gRPC─> owner ─> store, broker, Redis
//!                   ^              │ member folder, fork and exec
//!                   │              v
//!                   └─gRPC─ agent ─┤ inotify         parent ── pipe ── user code
//!                                  └─────────────────── go (fifo), spool (file)
//! ```
//!
//! A hop is kept where the product cannot do without it: one public door, one
//! owner of the data, a process that outlives the owner beside each command (it
//! must go on while services are replaced), an agent that is not user code's
//! parent (it talks to the network). A durable write is kept where a crash
//! would otherwise lose what was promised; each is named where it is made.
//! Everything else is left out: identity, permission, validation, idempotency,
//! tracing, metrics, reconciliation. What these cost is the ratio.
//!
//! The floor speaks the same REST paths as the product, so that one client
//! measures both. It has its own database, virtual host and keys. Its processes
//! end with this one: each reads its standard input until that is closed.

mod agent;
mod gateway;
mod launches;
mod lines;
mod member;
mod owner;
mod projects;
mod site;

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use katonic_integration_tests::Platform;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::side::{Queue, Side};

/// Messages, client and server.
#[allow(clippy::all, clippy::pedantic, unused_qualifications, reason = "generated")]
mod pb {
    tonic::include_proto!("katonic.bench.floor");
}

/// A process of the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The public door.
    Gateway,
    /// Who owns the data.
    Owner,
    /// Who serves members.
    Agent,
}

/// What a process of the floor is told, on its standard input: it holds passwords.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Settings {
    store: String,
    broker: String,
    redis: String,
    /// Base URI of the owner.
    owner: String,
    /// Base URI of the gateway.
    gateway: String,
    /// Folder of the members.
    members: String,
    /// The program that becomes user code's parent.
    parent: String,
}

/// The floor's processes, running.
pub struct Floor {
    // In the order in which they end.
    agent: Process,
    gateway: Process,
    owner: Process,
    side: Side,
    _members: TempDir,
}

impl Floor {
    /// Starts it on the servers of a platform.
    pub async fn start(platform: &Platform) -> Result<Self> {
        let members = platform.scratch()?;
        let site = site::Site::of(platform)?;
        let queue = site.prepare().await?;
        let mut settings = site.settings()?;
        settings.members = members.path().display().to_string();
        settings.parent = beside_us("katonic-bench-parent")?;
        let owner = Process::start(Role::Owner, &settings)?;
        settings.owner = owner.uri();
        let gateway = Process::start(Role::Gateway, &settings)?;
        settings.gateway = gateway.uri();
        let agent = Process::start(Role::Agent, &settings)?;
        let side = Side::new("floor", &gateway.uri(), None, Queue::consume(&settings.broker, &queue).await?).await?;
        Ok(Self { agent, gateway, owner, side, _members: members })
    }

    /// How it is measured.
    pub fn side(&mut self) -> &mut Side {
        &mut self.side
    }

    /// Ends its processes.
    pub fn end(self) -> Result<()> {
        self.agent.end()?;
        self.gateway.end()?;
        self.owner.end()
    }
}

fn beside_us(program: &str) -> Result<String> {
    let path = env::current_exe()?.with_file_name(program);
    anyhow::ensure!(path.exists(), "{} is missing: just build", path.display());
    Ok(path.display().to_string())
}

struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start(role: Role, settings: &Settings) -> Result<Self> {
        let name = role.to_possible_value().context("a name")?.get_name().to_owned();
        let mut command = Command::new(env::current_exe()?);
        command.args(["--serve-floor", &name]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().context("stdin")?;
        writeln!(input, "{}", serde_json::to_string(settings)?)?;
        child.stdin = Some(input);
        let mut ready = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut ready)?;
        let port = ready.trim().parse().with_context(|| format!("the floor's {name} did not start"))?;
        Ok(Self { child, port })
    }

    fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

/// Is a process of the floor until standard input is closed.
pub async fn serve(role: Role) -> Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let settings: Settings = serde_json::from_str(&line)?;
    let port = match role {
        Role::Gateway => gateway::start(settings).await?,
        Role::Owner => owner::start(settings).await?,
        Role::Agent => agent::start(settings)?,
    };
    println!("{port}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
