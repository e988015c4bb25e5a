//! Parts are stopped and killed while users' work goes on: it ends right and
//! its log is complete.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{parts, rest::text, wait};
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::{Shared, alone, e2e_run::wait_for_line};

pub fn trials() -> Vec<Trial> {
    let all = [
        "metadata",
        "git",
        "dispatcher",
        "log-streamer",
        "search-indexer",
        "api-gateway",
        "agent",
        "rabbitmq",
        "redis",
        "store",
        "supervisor",
    ];
    let kills = all.into_iter().map(|part| {
        alone(&format!("a_run_survives_kill_9_of_{}", part.replace('-', "_")), move |platform| {
            a_run_survives(platform, part)
        })
    });
    kills.chain([alone("a_run_survives_down_and_up", a_run_survives_down_and_up)]).collect()
}

/// Prints, waits for the file that its argument names, prints again.
const SCRIPT: &str = "
import os, sys, time
for n in range(200): print('before', n)
print('waiting', flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
for n in range(200): print('after', n)
open('result.txt', 'w').write('done')
";

/// A job that runs for as long as the test wants.
struct Job {
    id: String,
    folder: TempDir,
}

impl Job {
    async fn start(platform: &Shared, name: &str) -> Result<Self> {
        let (rest, folder) = (platform.rest(), platform.scratch()?);
        let project = rest.project(name).await?;
        let go_on = folder.path().join("go-on").display().to_string();
        let id = rest.submit(&project, &["python3", "-c", SCRIPT, &go_on]).await?;
        wait_for_line(platform, &id, "waiting").await?;
        Ok(Self { id, folder })
    }

    fn go_on(&self) -> Result<()> {
        Ok(fs::write(self.folder.path().join("go-on"), "")?)
    }
}

async fn a_run_survives(platform: Shared, part: &'static str) -> Result<()> {
    let job = Job::start(&platform, &format!("killed-{part}")).await?;
    let killed = parts::pid_of(&platform, part)?.with_context(|| format!("no {part}"))?;
    parts::kill_9(killed)?;
    // The job's second half falls into the time in which the part is away.
    job.go_on()?;
    if part == "supervisor" {
        platform.up()?;
    }
    ended_complete(&platform, &job.id).await?;
    parts::succeeded(&platform, part, killed).await
}

async fn a_run_survives_down_and_up(platform: Shared) -> Result<()> {
    let job = Job::start(&platform, "down-and-up").await?;
    platform.down(&[])?;
    job.go_on()?;
    platform.up()?;
    ended_complete(&platform, &job.id).await
}

async fn ended_complete(platform: &Shared, id: &str) -> Result<()> {
    let rest = platform.rest();
    let execution = wait::until(&format!("{id} ends"), async || {
        // The gateway itself may be away for a moment.
        let Ok(execution) = rest.get(&format!("/executions/{id}")).await else { return Ok(None) };
        Ok((execution["endTime"].is_string()).then_some(execution))
    })
    .await?;
    ensure!(execution["phase"] == "PHASE_SUCCEEDED", "{execution}");
    ensure!(execution["resultsCommit"].is_string(), "{execution}");
    let log = wait::until("the log can be read", async || Ok(rest.log(id).await.ok())).await?;
    let lines: Vec<String> =
        log.iter().filter(|e| e["stream"] == "STREAM_STDOUT").map(|e| text(e, "text")).collect::<Result<_>>()?;
    let wanted: Vec<String> = (0..200)
        .map(|n| format!("before {n}"))
        .chain(["waiting".to_owned()])
        .chain((0..200).map(|n| format!("after {n}")))
        .collect();
    ensure!(lines == wanted, "{} lines of {}", lines.len(), wanted.len());
    parts::all_ready(platform).await
}
