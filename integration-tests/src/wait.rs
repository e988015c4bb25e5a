//! Level-triggered waits: a state is asked for until it is there.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a state may take on the slowest machine; never a measure of speed.
pub const LIMIT: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_millis(20);

/// Asks until the answer is `Some`; fails with `what` once the limit is reached.
pub async fn until<T, F>(what: &str, mut ask: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if started.elapsed() > LIMIT {
            bail!("waited {LIMIT:?} in vain: {what}");
        }
        tokio::time::sleep(BETWEEN).await;
    }
}
