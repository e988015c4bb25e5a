//! Stopping what no supervisor keeps: the agent, and the parts that a killed
//! supervisor left.
//!
//! Shims and users' processes are never touched (DESIGN G3, M7).

use std::time::Duration;

use katonic_member::{Liveness, Members};

use super::{error::Error, files, home::Home, part::Part, process::Process};

/// The agent finishes what it is sending; what it has not sent stays in the spools.
const AGENT_LIMIT: Duration = Duration::from_secs(20);

/// Stops the agent, which the dispatcher has started and nobody restarts now.
pub async fn agent(home: &Home) -> Result<(), Error> {
    if !home.members().is_dir() {
        return Ok(());
    }
    let damaged = |error: katonic_member::Error| Error::Damaged { path: home.members(), source: Box::new(error) };
    let members = Members::open(home.members()).map_err(damaged)?;
    let Liveness::Running(Some(identity)) = members.agent().map_err(damaged)? else { return Ok(()) };
    let failed = |source| Error::Process { action: "stop the agent of", part: Part::Dispatcher, source };
    if let Some(mut agent) = Process::adopt_identity(identity).map_err(failed)? {
        agent.stop(AGENT_LIMIT).await.map_err(failed)?;
    }
    Ok(())
}

/// Stops every part that runs without a supervisor; the caller holds the lock. Answers how many there were.
pub async fn orphans(home: &Home) -> Result<usize, Error> {
    let mut stopped = 0;
    for group in Part::STOPPING {
        for part in group {
            stopped += usize::from(orphan(home, *part).await?);
        }
        if group.contains(&Part::Dispatcher) {
            agent(home).await?;
        }
    }
    Ok(stopped)
}

async fn orphan(home: &Home, part: Part) -> Result<bool, Error> {
    let file = home.identity(part.name());
    let failed = |source| Error::Process { action: "stop", part, source };
    let Some(mut process) = Process::adopt(&file).map_err(failed)? else { return Ok(false) };
    anstream::println!("  stopping {part}");
    process.stop(part.stop_limit()).await.map_err(failed)?;
    files::remove(&file)?;
    Ok(true)
}
