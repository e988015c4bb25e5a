//! The processes of a platform, found and killed as an accident would.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{platform::Platform, wait};

/// The process of a part, of the supervisor, or of the agent.
pub fn pid_of(platform: &Platform, part: &str) -> Result<Option<i32>> {
    let status = platform.status()?;
    let pid = match part {
        "supervisor" => status["supervisorPid"].as_i64(),
        "agent" => agent_pid(platform)?,
        part => parts(&status).find(|candidate| candidate["name"] == part).and_then(|part| part["pid"].as_i64()),
    };
    Ok(pid.map(i32::try_from).transpose()?)
}

/// The shim of a member, by its execution's id.
pub fn shim_of(execution: &str) -> Result<Option<i32>> {
    process_with(&["katonic-shim", execution]).map(|pid| pid.and_then(|pid| i32::try_from(pid).ok()))
}

/// Kills a process; answers once it has ended: until then `katonic up` would find it alive.
pub fn kill_9(pid: i32) -> Result<()> {
    let id = Pid::from_raw(pid).context("a pid is positive")?;
    kill_process(id, Signal::KILL)?;
    let killed = Instant::now();
    while runs(pid) {
        ensure!(killed.elapsed() < wait::LIMIT, "{pid} does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether there is such a process that has not ended; nobody may have waited for one that has.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits until every part is ready.
pub async fn all_ready(platform: &Platform) -> Result<()> {
    wait::until("every part is ready", async || {
        let status = platform.status()?;
        let ready = parts(&status).count() > 0 && parts(&status).all(|part| part["ready"] == true);
        Ok(ready.then_some(()))
    })
    .await
}

/// Waits until a part runs as another process than the one that was killed.
pub async fn succeeded(platform: &Platform, part: &str, killed: i32) -> Result<()> {
    wait::until(&format!("another {part} is at work"), async || {
        Ok(pid_of(platform, part)?.filter(|pid| *pid != killed).map(drop))
    })
    .await
}

fn parts(status: &Value) -> impl Iterator<Item = &Value> {
    status["parts"].as_array().into_iter().flatten()
}

/// The agent is the dispatcher's child, not a part of the supervisor's.
fn agent_pid(platform: &Platform) -> Result<Option<i64>> {
    process_with(&["katonic-agent", &platform.home().display().to_string()])
}

/// The process whose command line has all of these in it.
fn process_with(words: &[&str]) -> Result<Option<i64>> {
    for process in fs::read_dir("/proc")?.flatten() {
        let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command_line = String::from_utf8_lossy(&command_line);
        if words.iter().all(|word| command_line.contains(word)) {
            return Ok(process.file_name().to_str().and_then(|name| name.parse().ok()));
        }
    }
    Ok(None)
}
