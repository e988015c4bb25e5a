//! Settles pushes whose server died in between: their hard time limit is over,
//! so nothing of them still runs.

use std::time::Duration;

use katonic_domain::Timestamp;
use katonic_service::runtime::{Shutdown, chain};
use tokio::time::sleep;

use super::{Error, Git, Overdue, pushes};

/// An event wakes nobody here: a server that died tells none.
const EVERY: Duration = Duration::from_secs(30);
/// Beyond the time limit, what ending a request may take.
const GRACE: Duration = Duration::from_secs(60);

pub(super) async fn run(git: &Git, shutdown: Shutdown) {
    loop {
        if let Err(error) = once(git).await {
            tracing::warn!(error = %chain(&error), "pushes left behind could not be settled, trying again");
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

pub(super) async fn once(git: &Git) -> Result<usize, Error> {
    let age = git.0.section.time_limit() + GRACE;
    let before = git.0.ports.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let left_behind = git.0.ports.pushes.overdue(before).await.map_err(Error::Store)?;
    let mut settled = 0;
    for overdue in &left_behind {
        // A repository that cannot be read must not keep the others waiting.
        match settle(git, overdue, age).await {
            Ok(()) => settled += 1,
            Err(error) => tracing::error!(
                project.id = %overdue.project, error = %chain(&error), "a repository's pushes cannot be settled"
            ),
        }
    }
    Ok(settled)
}

async fn settle(git: &Git, overdue: &Overdue, age: Duration) -> Result<(), Error> {
    let repositories = &git.0.repositories;
    let locks = repositories.remove_stale_locks(&overdue.project, age).await?;
    pushes::settle(git.0.ports.pushes.as_ref(), repositories, overdue.project, &overdue.pushes).await?;
    tracing::info!(project.id = %overdue.project, pushes = overdue.pushes.len(), locks, "settled pushes left behind");
    Ok(())
}
