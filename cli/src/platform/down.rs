//! `katonic down`: stops services, agent and servers; users' work goes on
//! unless it is told to stop first (DESIGN M7).

use std::time::Duration;

use super::{error::Error, home::Home, lock::Lock, part::Part, process::Process, stop, up::read_state};
use crate::exit::Exit;

/// Arguments of `katonic down`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  katonic down
  katonic down --stop-jobs")]
pub struct DownArgs {
    /// First stop all running jobs, keep their results, and wait for their end
    #[arg(long)]
    pub stop_jobs: bool,
}

/// Stops the platform on this machine.
///
/// # Errors
/// A part cannot be stopped.
pub async fn down(arguments: &DownArgs) -> Result<Exit, Error> {
    let home = Home::discover()?;
    if !home.root().is_dir() {
        anstream::println!("Katonic is not up.");
        return Ok(Exit::OK);
    }
    if arguments.stop_jobs {
        super::jobs::stop_all(&home).await?;
    }
    let stopped = if let Some(_lock) = Lock::try_acquire(&home)? {
        stop::orphans(&home).await?
    } else {
        stop_supervisor(&home).await?;
        Part::ALL.len()
    };
    if arguments.stop_jobs {
        super::jobs::stop_left(&home).await?;
    }
    anstream::println!("{}", if stopped > 0 { "Katonic is down." } else { "Katonic is not up." });
    Ok(Exit::OK)
}

/// Tells the supervisor to stop everything and waits for its end.
async fn stop_supervisor(home: &Home) -> Result<(), Error> {
    let Some(state) = read_state(home)? else {
        return Err(Error::StillRunning("the supervisor, which has not said who it is,".to_owned()));
    };
    let failed = |source| Error::Supervisor { action: "stop", source };
    let Some(mut supervisor) = Process::adopt_identity(state.supervisor).map_err(failed)? else { return Ok(()) };
    // Never killed: it would leave what it had not stopped yet.
    if supervisor.terminate(limit()).await.map_err(failed)? {
        return Ok(());
    }
    Err(Error::StillRunning("the supervisor".to_owned()))
}

/// What all groups may take one after the other, and the agent.
fn limit() -> Duration {
    let groups =
        Part::STOPPING.iter().map(|group| group.iter().map(|part| part.stop_limit()).max().unwrap_or_default());
    groups.sum::<Duration>() + Duration::from_secs(30)
}
