//! How long a line takes from user code to a follower's hands, at 2,000 lines
//! a second.

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use jiff::Timestamp;

use super::{launch::ms_between, turn};
use crate::{comparison::Comparison, side::Side};

/// 2 s each.
const ROUNDS: usize = 6;
/// Each line says when it was written; the machine has one clock.
const SCRIPT: &str = "
import sys, time
start = time.monotonic()
for n in range(4000):
    wait = start + n / 2000 - time.monotonic()
    if wait > 0: time.sleep(wait)
    sys.stdout.write('%d\\n' % time.time_ns())
    sys.stdout.flush()
";

/// All lines of all rounds.
pub async fn compare(product: &mut Side, floor: &mut Side) -> Result<Comparison> {
    let mut comparison = Comparison::in_ms("line to follower, 2,000/s");
    for round in 0..ROUNDS {
        for side in turn(round, product, floor) {
            for ms in once(side).await? {
                comparison.add(side.name, ms);
            }
        }
    }
    Ok(comparison)
}

/// The lines that were written while the follower was there.
pub async fn once(side: &Side) -> Result<Vec<f64>> {
    let id = side.rest.submit(&side.project, &["python3", "-c", SCRIPT.trim()]).await?;
    let mut messages = Box::pin(side.follow(&id).await?);
    let mut samples = Vec::new();
    while let Some(message) = messages.next().await {
        let (now, message) = (Timestamp::now().as_nanosecond(), message?);
        for entry in message["entries"].as_array().into_iter().flatten() {
            let written: i128 = entry["text"].as_str().context("a line")?.parse()?;
            samples.push(ms_between(written, now));
        }
        if message["ended"] == true {
            break;
        }
    }
    ensure!(!samples.is_empty(), "no line of {id} of the {} arrived", side.name);
    if side.name == "product" {
        side.rest.settled(&id).await?;
    }
    Ok(samples)
}
