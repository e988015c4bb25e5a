//! Every part is killed by -9 at three points of a run while others submit 20
//! jobs a second: every accepted job ends right or with a stated reason,
//! nothing acknowledged is lost, every projection equals its owner after quiet.
//!
//! ```text
//!  submitters ── 20 jobs a second, one key each, repeated until accepted ──┐
//!  sentinel job: accepted · running · ending ── at each point: kill -9     ├─ quiet ─ compare
//!  follower of events ── reconnects with its cursor ───────────────────────┘
//! ```
//! Each round kills every part once, each at another point than its neighbour;
//! three rounds are every part at every point. CI does one, `just storm` all:
//! the crowd outruns what two cores can run, so that each round works off its own.

use std::{cell::Cell, collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use katonic_integration_tests::{
    following::Following,
    parts, projections,
    rest::{Rest, text},
    wait,
};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{Shared, alone, e2e_run::wait_for_line};

pub fn trials() -> Vec<Trial> {
    vec![alone("every_part_is_killed_while_20_jobs_a_second_come", storm)]
}

/// All that can be killed and must be succeeded; `shim` is a member's own.
const PARTS: [&str; 12] = [
    "metadata",
    "git",
    "dispatcher",
    "log-streamer",
    "search-indexer",
    "api-gateway",
    "agent",
    "shim",
    "rabbitmq",
    "redis",
    "store",
    "supervisor",
];

/// How many submits are under way at once: a part that is away for 10 s holds up 200.
const SUBMITTERS: usize = 256;
const BETWEEN_SUBMITS: Duration = Duration::from_millis(50);

/// Where a run is when a part is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    Accepted,
    Running,
    Ending,
}

const POINTS: [Point; 3] = [Point::Accepted, Point::Running, Point::Ending];

async fn storm(platform: Shared) -> Result<()> {
    let rounds = if std::env::var_os("KATONIC_TEST_WHOLE_STORM").is_some() { POINTS.len() } else { 1 };
    for round in 0..rounds {
        survive(&platform, round).await.with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

async fn survive(platform: &Shared, round: usize) -> Result<()> {
    let (rest, over) = (platform.rest(), Cell::new(false));
    let project = rest.project(&format!("storm-{round}")).await?;
    let folder = platform.scratch()?;
    let following = Following::start(platform, folder.path(), &project)?;
    let kills = async {
        let sentinels = kill_all(platform, &project, round).await;
        over.set(true);
        sentinels
    };
    let (accepted, sentinels) = tokio::join!(submit_until(&rest, &project, &over), kills);
    let (accepted, sentinels) = (accepted?, sentinels?);
    eprintln!("{} jobs were accepted while {} kills were made", accepted.len(), sentinels.len());
    for sentinel in &sentinels {
        sentinel.ended_as_it_must(platform).await?;
    }
    let ended = all_ended(platform, &accepted).await?;
    logs_are_whole(platform, &ended).await?;
    let made = projections::listed(&rest, &project).await?;
    let wanted = accepted.len() + sentinels.len();
    ensure!(made.len() == wanted, "{} executions were made of {wanted} requests", made.len());
    projections::search_equals_owner(&rest, &project).await?;
    wait::until(
        "each run's last fact was followed",
        async || Ok((following.finished()?.len() == wanted).then_some(())),
    )
    .await?;
    projections::feed_equals_owner(&rest, &following.sequences()?, &made).await
}

async fn kill_all(platform: &Shared, project: &str, round: usize) -> Result<Vec<Sentinel>> {
    let mut sentinels = Vec::new();
    for (index, part) in PARTS.into_iter().enumerate() {
        let point = POINTS[(index + round) % POINTS.len()];
        let sentinel = Sentinel::kill(platform, project, part, point).await;
        sentinels.push(sentinel.with_context(|| format!("{part} at {point:?}"))?);
    }
    Ok(sentinels)
}

/// A job that is at a known point when a part is killed.
struct Sentinel {
    id: String,
    part: &'static str,
    point: Point,
    _folder: TempDir,
}

/// Waits for the file that its argument names.
const WAITS: &str = "
import os, sys, time
print('waiting', flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
print('done')
open('result.txt', 'w').write('done')
";

impl Sentinel {
    async fn kill(platform: &Shared, project: &str, part: &'static str, point: Point) -> Result<Self> {
        let folder = platform.scratch()?;
        let go_on = folder.path().join("go-on");
        let command = ["python3", "-c", WAITS, &go_on.display().to_string()].map(ToOwned::to_owned);
        // Before the crowd: a point of its run is waited for.
        let id = submit(&platform.rest(), project, &command, "high", &format!("sentinel-{part}-{point:?}")).await?;
        if !matches!(point, Point::Accepted) || part == "shim" {
            wait_for_line(platform, &id, "waiting").await?;
        }
        if matches!(point, Point::Ending) {
            fs::write(&go_on, "")?;
        }
        kill(platform, part, &id).await?;
        fs::write(&go_on, "")?;
        parts::all_ready(platform).await?;
        Ok(Self { id, part, point, _folder: folder })
    }

    async fn ended_as_it_must(&self, platform: &Shared) -> Result<()> {
        let ended = ended(&platform.rest(), &self.id).await?;
        let lost = self.part == "shim" && ended["reason"] == "REASON_SHIM_LOST";
        let right = ended["phase"] == "PHASE_SUCCEEDED" && ended["resultsCommit"].is_string();
        ensure!(lost || right, "{} at {:?}: {ended}", self.part, self.point);
        Ok(())
    }
}

async fn kill(platform: &Shared, part: &str, sentinel: &str) -> Result<()> {
    if part == "shim" {
        // At its end it may be gone by itself.
        return parts::shim_of(sentinel)?.map_or(Ok(()), parts::kill_9);
    }
    let pid = wait::until(&format!("{part} runs"), async || parts::pid_of(platform, part)).await?;
    parts::kill_9(pid)?;
    if part == "supervisor" {
        platform.up()?;
    }
    parts::succeeded(platform, part, pid).await
}

/// Submits all the time, each job with a key of its own, until it is over and
/// all are accepted. Answers the words that the jobs print, by id.
async fn submit_until(rest: &Rest, project: &str, over: &Cell<bool>) -> Result<BTreeMap<String, String>> {
    let mut ticks = interval(BETWEEN_SUBMITS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut waiting, mut accepted) = (FuturesUnordered::new(), BTreeMap::new());
    let mut number = 0;
    while !(over.get() && waiting.is_empty()) {
        tokio::select! {
            _ = ticks.tick(), if !over.get() && waiting.len() < SUBMITTERS => {
                number += 1;
                waiting.push(submit_word(rest, project, format!("job-{number}")));
            }
            Some(done) = waiting.next() => {
                let (id, word) = done?;
                accepted.insert(id, word);
            }
        }
    }
    Ok(accepted)
}

async fn submit_word(rest: &Rest, project: &str, word: String) -> Result<(String, String)> {
    let command = ["echo".to_owned(), word.clone()];
    Ok((submit(rest, project, &command, "normal", &word).await?, word))
}

/// Submits under a key of the project until it is answered for good: what a careful client does.
async fn submit(rest: &Rest, project: &str, command: &[String], priority: &str, key: &str) -> Result<String> {
    let body = json!({ "command": command, "priority": format!("PRIORITY_{}", priority.to_uppercase()) });
    let (path, own) = (format!("/projects/{project}/jobs"), format!("{project}-{key}"));
    let answer = wait::until(&format!("{key} is accepted"), async || {
        let request = rest.request(Method::POST, &path).header("idempotency-key", &own).json(&body);
        match Rest::send(request).await {
            Ok(answer) if answer.status.is_success() => Ok(Some(answer.body)),
            // Away for a moment, or it cannot decide now: asked again, under the same key.
            Ok(answer) if answer.status.is_server_error() || answer.status == 429 => pause().await,
            Ok(answer) => anyhow::bail!("{key}: {answer:?}"),
            Err(_) => pause().await,
        }
    })
    .await?;
    text(&answer, "executionId")
}

async fn pause<T>() -> Result<Option<T>> {
    sleep(Duration::from_millis(100)).await;
    Ok(None)
}

/// Asks on through restarts of the door and its owners.
async fn ended(rest: &Rest, id: &str) -> Result<Value> {
    wait::until(&format!("{id} ends"), async || {
        let Ok(execution) = rest.get(&format!("/executions/{id}")).await else { return pause().await };
        Ok(execution["endTime"].is_string().then_some(execution))
    })
    .await
}

/// Each accepted job and what it printed, once all have ended as `echo` does.
async fn all_ended<'a>(platform: &Shared, accepted: &'a BTreeMap<String, String>) -> Result<Vec<(&'a str, &'a str)>> {
    let rest = platform.rest();
    let mut whole = Vec::new();
    for (id, word) in accepted {
        let ended = ended(&rest, id).await?;
        // A shim that was killed may have been any job's: that is said.
        let stated = ended["reason"] == "REASON_SHIM_LOST" || ended["reason"] == "REASON_START_TIMEOUT";
        if ended["phase"] == "PHASE_SUCCEEDED" {
            whole.push((id.as_str(), word.as_str()));
        } else {
            ensure!(stated, "{word}: {ended}");
        }
    }
    ensure!(whole.len() + 1 >= accepted.len(), "{} of {} succeeded", whole.len(), accepted.len());
    Ok(whole)
}

/// What each printed can be read.
async fn logs_are_whole(platform: &Shared, ended: &[(&str, &str)]) -> Result<()> {
    let rest = platform.rest();
    for some in ended.chunks(16) {
        let logs = join_all(some.iter().map(|(id, _)| rest.log(id))).await;
        for ((id, word), log) in some.iter().zip(logs) {
            let log = log?;
            let lines: Vec<_> = log.iter().filter(|entry| entry["stream"] == "STREAM_STDOUT").collect();
            ensure!(lines.len() == 1 && lines[0]["text"] == *word, "{id} printed {word}: {log:?}");
        }
    }
    Ok(())
}
