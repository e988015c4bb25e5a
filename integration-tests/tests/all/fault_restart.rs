//! Parts are stopped and killed while users' work goes on: it ends right and
//! its log is complete.

use std::fs;

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{rest::text, wait};
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Shared, alone, e2e_run::wait_for_line};

pub fn trials() -> Vec<Trial> {
    let parts = [
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
    let kills = parts.into_iter().map(|part| {
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
    let killed = pid_of(&platform, part)?.with_context(|| format!("no {part}"))?;
    kill_9(killed)?;
    // The job's second half falls into the time in which the part is away.
    job.go_on()?;
    if part == "supervisor" {
        platform.up()?;
    }
    ended_complete(&platform, &job.id).await?;
    wait::until(&format!("another {part} is at work"), async || {
        Ok(pid_of(&platform, part)?.filter(|pid| *pid != killed).map(drop))
    })
    .await
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
    wait::until("every part is ready again", async || Ok(all_ready(&platform.status()?).then_some(()))).await
}

fn parts(status: &Value) -> impl Iterator<Item = &Value> {
    status["parts"].as_array().into_iter().flatten()
}

fn all_ready(status: &Value) -> bool {
    parts(status).count() > 0 && parts(status).all(|part| part["ready"] == true)
}

/// The process of a part.
pub fn pid_of(platform: &Shared, part: &str) -> Result<Option<i32>> {
    let status = platform.status()?;
    let pid = match part {
        "supervisor" => status["supervisorPid"].as_i64(),
        "agent" => agent_pid(platform)?,
        part => parts(&status).find(|candidate| candidate["name"] == part).and_then(|part| part["pid"].as_i64()),
    };
    Ok(pid.map(i32::try_from).transpose()?)
}

/// The agent is the dispatcher's child, not a part of the supervisor's.
fn agent_pid(platform: &Shared) -> Result<Option<i64>> {
    let home = platform.home().display().to_string();
    for process in fs::read_dir("/proc")?.flatten() {
        let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command_line = String::from_utf8_lossy(&command_line);
        if command_line.contains("katonic-agent") && command_line.contains(&home) {
            return Ok(process.file_name().to_str().and_then(|name| name.parse().ok()));
        }
    }
    Ok(None)
}

pub fn kill_9(pid: i32) -> Result<()> {
    let pid = Pid::from_raw(pid).context("a pid is positive")?;
    Ok(kill_process(pid, Signal::KILL)?)
}
