//! From submit to the first instruction of user code: `date` tells the time at
//! which it ran, and the machine has one clock.

use anyhow::{Context, Result};
use futures::StreamExt;
use jiff::Timestamp;

use super::turn;
use crate::{comparison::Comparison, side::Side};

const ROUNDS: usize = 60;
const WARM_UP: usize = 5;
/// Dynamically linked, as most of what users run; both sides pay for that.
const USER_CODE: [&str; 2] = ["/bin/date", "+%s%N"];

/// Accepted, and user code, by turns.
pub async fn compare(product: &mut Side, floor: &mut Side) -> Result<Vec<Comparison>> {
    let mut accepted = Comparison::in_ms("submit to accepted");
    let mut started = Comparison::in_ms("submit to user code");
    for round in 0..WARM_UP + ROUNDS {
        for side in turn(round, product, floor) {
            let samples = once(side).await?;
            if round >= WARM_UP {
                accepted.add(side.name, samples.0);
                started.add(side.name, samples.1);
            }
        }
    }
    Ok(vec![accepted, started])
}

/// One job: when it was accepted, when its user code ran.
pub async fn once(side: &Side) -> Result<(f64, f64)> {
    let asked = Timestamp::now();
    let id = side.rest.submit(&side.project, &USER_CODE).await?;
    let accepted = ms_between(asked.as_nanosecond(), Timestamp::now().as_nanosecond());
    let mut messages = Box::pin(side.follow(&id).await?);
    let mut ran_at = None;
    while let Some(message) = messages.next().await {
        let message = message?;
        if let Some(text) = message["entries"][0]["text"].as_str() {
            ran_at = Some(text.parse::<i128>()?);
        }
        if message["ended"] == true {
            break;
        }
    }
    let ran_at = ran_at.with_context(|| format!("{id} of the {} said nothing", side.name))?;
    if side.name == "product" {
        // What it does afterwards is not to disturb the floor's turn.
        side.rest.settled(&id).await?;
    }
    Ok((accepted, ms_between(asked.as_nanosecond(), ran_at)))
}

#[expect(clippy::cast_precision_loss, reason = "differences of seconds, in nanoseconds")]
pub fn ms_between(from: i128, to: i128) -> f64 {
    (to - from) as f64 / 1e6
}
