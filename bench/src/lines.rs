//! How long a line takes from user code to a follower's hands.

use anyhow::{Context, Result};
use eventsource_stream::Eventsource;
use futures::StreamExt;
use jiff::Timestamp;
use katonic_integration_tests::Platform;
use reqwest::Method;
use serde_json::Value;

use crate::figure::Figure;

/// 2,000 lines a second for 5 s, each with the time of its writing; the machine has one clock.
const SCRIPT: &str = "
import sys, time
start = time.monotonic()
for n in range(10000):
    wait = start + n / 2000 - time.monotonic()
    if wait > 0: time.sleep(wait)
    sys.stdout.write('%d\\n' % time.time_ns())
    sys.stdout.flush()
";

/// The median over all lines that were written while the follower was there.
pub async fn line_to_follower(platform: &Platform) -> Result<Figure> {
    let rest = platform.rest();
    let project = rest.project("bench-lines").await?;
    let id = rest.submit(&project, &["python3", "-c", SCRIPT]).await?;
    let request = rest.request(Method::GET, &format!("/executions/{id}/logs:follow"));
    let mut events = request.send().await?.error_for_status()?.bytes_stream().eventsource();
    let mut samples = Vec::new();
    while let Some(event) = events.next().await {
        let now = Timestamp::now();
        let answer: Value = serde_json::from_str(&event?.data)?;
        for entry in answer["entries"].as_array().into_iter().flatten() {
            let written: i128 = entry["text"].as_str().context("a line")?.parse()?;
            #[expect(clippy::cast_precision_loss, reason = "differences of seconds, in nanoseconds")]
            samples.push((now.as_nanosecond() - written) as f64 / 1e6);
        }
    }
    Ok(Figure::new("line to follower at 2,000 lines/s", "ms", Some(10.0), samples))
}
