//! Cuts the segments of one live log when they are due (DESIGN L4): at 4 MiB,
//! or after 30 s, or 2 s where Redis has not what is buffered.
//!
//! One such task per live log. It ends when the log is closed, when nobody has
//! used it for a while, or, after a last cut, when the service shuts down.

use std::{sync::Arc, time::Duration};

use katonic_service::Shutdown;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    domain::{Window, manifest::ManifestError},
    error::Error,
    usecases::{
        keep::Keeper,
        live::{LiveLog, LiveLogs},
    },
};

/// How long a log stays open here without anything to do.
const IDLE: Duration = Duration::from_secs(600);
/// How long until a failed cut is tried again; the agent waits for its ack meanwhile.
const RETRY: Duration = Duration::from_secs(1);
/// How long a closed log is remembered, so that a follower that is about to wait for it sees that.
const LINGER: Duration = Duration::from_secs(10);

/// Cuts segments until the log is closed or left alone.
pub async fn run(keeper: Keeper, live: Arc<LiveLogs>, log: Arc<LiveLog>, shutdown: Shutdown) {
    let mut tip = log.tip();
    loop {
        if tip.borrow_and_update().closed {
            tokio::select! {
                () = sleep(LINGER) => {}
                () = shutdown.cancelled() => {}
            }
            break;
        }
        let due = log.cut_at();
        tokio::select! {
            () = sleep_until(due.unwrap_or_else(|| Instant::now() + IDLE)) => match due {
                Some(_) => cut_or_wait(&keeper, &log).await,
                None if live.remove_unused(&log) => return,
                None => {}
            },
            // The log holds the sender.
            changed = tip.changed() => drop(changed),
            () = shutdown.cancelled() => {
                cut_or_wait(&keeper, &log).await;
                break;
            }
        }
    }
    live.remove(&log);
}

async fn cut_or_wait(keeper: &Keeper, log: &LiveLog) {
    match keeper.cut(log).await {
        // Closed by somebody else: the window is closed by now.
        Ok(()) => tidy(keeper, log).await,
        Err(Error::Manifest(ManifestError::Closed { .. })) => {}
        Err(error) => {
            metrics::counter!("katonic_log_streamer_cut_failures_total").increment(1);
            let cause = katonic_service::runtime::chain(&error);
            tracing::warn!(member.id = %log.member(), cause, "a segment was not kept, trying again");
            sleep(RETRY).await;
        }
    }
}

/// The log is whole without it, so a failure waits for the next cut.
async fn tidy(keeper: &Keeper, log: &LiveLog) {
    if let Err(error) = keeper.tidier().open_log(log.member()).await {
        let cause = katonic_service::runtime::chain(&error);
        tracing::warn!(member.id = %log.member(), cause, "a log is merged later");
    }
}

impl LiveLog {
    fn cut_at(&self) -> Option<Instant> {
        self.change(|window: &mut Window| window.cut_at())
    }
}
