//! Sweeps closed logs when they are due, at every replica: two that sweep one
//! log delete the same.

use std::time::Duration;

use katonic_service::{Shutdown, runtime::chain};
use tokio::time::sleep;

use crate::usecases::tidy::Tidier;

/// Nothing waits for it.
const EVERY: Duration = Duration::from_secs(60);

/// Sweeps until `shutdown`.
pub async fn run(tidier: Tidier, shutdown: Shutdown) {
    while shutdown.run_until_cancelled(sleep(EVERY)).await.is_some() {
        // A full batch may have left some.
        while match tidier.closed_logs().await {
            Ok(swept) => swept > 0 && !shutdown.is_cancelled(),
            Err(error) => {
                tracing::warn!(cause = chain(&error), "closed logs are swept later");
                false
            }
        } {}
    }
}
