//! Keeps one agent alive (M7): starts it, adopts one that runs, starts the next
//! when it is gone. It does not stop it: a dispatcher that ends leaves the
//! agent at work (G3).

use std::{
    ffi::OsString, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::PathBuf, process::Stdio, time::Duration,
};

use katonic_member::{Liveness, Members};
use katonic_service::Shutdown;
use tokio::{process::Command, time::Instant};
use tracing::{error, info, warn};

use crate::{backend::process::pidfd::Watched, metrics};

/// The first pause after an agent that ended; doubled while they keep ending at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One that lived so long did not end at once.
const SETTLED: Duration = Duration::from_secs(10);
/// How soon one looks again at an agent that has not said yet who it is.
const LOOK: Duration = Duration::from_millis(200);

/// How the agent is started.
#[derive(Debug, Clone)]
pub struct AgentCommand {
    /// Its program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where its own log lines go.
    pub log: PathBuf,
}

/// Keeps the agent.
#[derive(Debug, Clone)]
pub struct AgentKeeper {
    /// The folder that it serves, with its lock.
    pub members: Members,
    /// How it is started.
    pub command: AgentCommand,
}

impl AgentKeeper {
    /// Keeps it until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            match shutdown.run_until_cancelled(self.one_life()).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => error!(%error, "the agent cannot be kept"),
            }
            pause = if began.elapsed() >= SETTLED { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Waits for the end of the agent that lives, or of one that is started now.
    async fn one_life(&self) -> io::Result<()> {
        match self.members.agent().map_err(io::Error::other)? {
            Liveness::Running(Some(identity)) => {
                info!(pid = identity.pid, "an agent is at work");
                match Watched::open(&identity)? {
                    Some(agent) => agent.gone().await,
                    None => Ok(()),
                }
            }
            Liveness::Running(None) => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            Liveness::NeverStarted | Liveness::Gone(_) => self.start().await,
        }
    }

    async fn start(&self) -> io::Result<()> {
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.command.log)?;
        metrics::agent_started();
        let mut agent = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()?;
        let status = agent.wait().await?;
        warn!(%status, "the agent ended");
        Ok(())
    }
}
