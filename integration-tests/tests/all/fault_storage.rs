//! What keeps bytes fails: Redis forgets, disks are full, pushes are killed.
//! Logs stay whole or say what is missing, outcomes stay, refs stay the truth.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{
    parts,
    rest::{Rest, text},
    wait,
};
use libtest_mimic::Trial;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use redis::{Client, aio::MultiplexedConnection};
use serde_json::Value;
use tokio::time::sleep;

use crate::{Shared, alone, e2e_run::wait_for_line, shared};

pub fn trials() -> Vec<Trial> {
    vec![
        shared("a_log_is_whole_though_redis_forgets_it_all_the_time", redis_forgets),
        alone("a_log_waits_for_room_where_its_blobs_lie", blobs_are_full),
        alone("lines_that_a_full_disk_did_not_take_are_declared", the_spool_has_no_room),
        shared("refs_are_the_truth_however_pushes_are_killed", pushes_are_killed),
    ]
}

/// Lines with pauses, so that they pass through the hot tail in many batches.
const SLOW: &str = "
import time
for n in range(2000):
    print('line', n, flush=True)
    if n % 20 == 0: time.sleep(0.01)
";

async fn redis_forgets(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("redis-forgets").await?;
    let id = rest.submit(&project, &["python3", "-c", SLOW]).await?;
    let mut redis = redis_of(&platform.home().join("config/log-streamer.toml")).await?;
    let mut forgotten = 0;
    while rest.get(&format!("/executions/{id}")).await?["endTime"].is_null() {
        forgotten += forget_all(&mut redis).await?;
    }
    ensure!(forgotten > 0, "Redis held nothing");
    let lines = stdout(&rest, &id).await?;
    ensure!(lines == (0..2000).map(|n| format!("line {n}")).collect::<Vec<_>>(), "{} lines", lines.len());
    Ok(())
}

async fn redis_of(config: &Path) -> Result<MultiplexedConnection> {
    let config: toml::Table = fs::read_to_string(config)?.parse()?;
    let uri = config["redis"]["uri"].as_str().context("no redis.uri")?;
    Ok(Client::open(uri)?.get_multiplexed_async_connection().await?)
}

async fn forget_all(redis: &mut MultiplexedConnection) -> Result<usize> {
    // One look: its user may not ask for all keys at once.
    let (_next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
        .arg(0)
        .arg("MATCH")
        .arg("katonic:logs:*")
        .arg("COUNT")
        .arg(10_000)
        .query_async(redis)
        .await?;
    if keys.is_empty() {
        return Ok(0);
    }
    Ok(redis::cmd("UNLINK").arg(keys).query_async(redis).await?)
}

/// A small file system over a folder; taken off at the end whatever happens.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn over(folder: PathBuf, options: &str) -> Result<Self> {
        run("mount", &["-t", "tmpfs", "-o", &format!("mode=0700,{options}"), "tmpfs"], &folder)?;
        Ok(Self(folder))
    }

    fn resize(&self, size: &str) -> Result<()> {
        run("mount", &["-o", &format!("remount,size={size}")], &self.0)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there keeps it.
        if let Err(error) = run("umount", &["--lazy"], &self.0) {
            eprintln!("{error:#}");
        }
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    let output = Command::new(program).args(arguments).arg(folder).output()?;
    ensure!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// 8 MiB that no compression makes smaller.
const NOISE: &str = "
import os
for n in range(4096): print(n, os.urandom(1024).hex())
print('last')
";

async fn blobs_are_full(platform: Shared) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("blobs-are-full").await?;
    let blobs = Tmpfs::over(platform.home().join("blobs"), "size=256k")?;
    let id = rest.submit(&project, &["python3", "-c", NOISE]).await?;
    // The command ends all the same: how it ends is fixed while its log waits.
    let fixed = wait::until("its outcome is fixed", async || {
        let execution = rest.get(&format!("/executions/{id}")).await?;
        Ok((execution["phase"] == "PHASE_FINISHING" && execution["reason"] == "REASON_COMPLETED").then_some(execution))
    })
    .await?;
    ensure!(fixed["endTime"].is_null(), "{fixed}");
    blobs.resize("64m")?;
    let ended = rest.ended(&id).await?;
    ensure!(ended["phase"] == "PHASE_SUCCEEDED" && ended["conditions"].as_array().is_none_or(Vec::is_empty), "{ended}");
    let lines = stdout(&rest, &id).await?;
    ensure!(lines.len() == 4097 && lines[4096] == "last", "{} lines", lines.len());
    Ok(())
}

/// Prints, waits for a file, prints much, prints again until another is there: till
/// somebody saw that lines are kept again.
const IN_PARTS: &str = "
import os, sys, time
def wait(path):
    while not os.path.exists(path): time.sleep(0.02)
print('waiting', flush=True)
wait(sys.argv[1])
for n in range(20000): print('much', n, 'x' * 100)
print('end of much', flush=True)
open(sys.argv[3], 'w').close()
while not os.path.exists(sys.argv[2]):
    print('after', flush=True)
    time.sleep(0.1)
print('last')
";

async fn the_spool_has_no_room(platform: Shared) -> Result<()> {
    let members = platform.home().join("members");
    platform.down(&["--stop-jobs"])?;
    let spool = Tmpfs::over(members.clone(), "size=4m")?;
    platform.up()?;
    let outcome = lines_meet_a_full_disk(&platform, &members).await;
    platform.down(&["--stop-jobs"])?;
    drop(spool);
    platform.up()?;
    parts::all_ready(&platform).await?;
    outcome
}

async fn lines_meet_a_full_disk(platform: &Shared, members: &Path) -> Result<()> {
    let rest = platform.rest();
    let project = rest.project("spool-has-no-room").await?;
    let folder = platform.scratch()?;
    // The job makes the last one itself.
    open_to_all(folder.path())?;
    let marks = ["go", "go-on", "written"].map(|name| folder.path().join(name).display().to_string());
    let id = rest.submit(&project, &["python3", "-c", IN_PARTS, &marks[0], &marks[1], &marks[2]]).await?;
    wait_for_line(platform, &id, "waiting").await?;
    let filler = members.join("filler");
    fill(&filler)?;
    fs::write(&marks[0], "")?;
    wait::until("much was written", async || Ok(Path::new(&marks[2]).exists().then_some(()))).await?;
    fs::remove_file(&filler)?;
    wait_for_line(platform, &id, "after").await?;
    fs::write(&marks[1], "")?;
    let ended = rest.ended(&id).await?;
    ensure!(ended["phase"] == "PHASE_SUCCEEDED", "{ended}");
    nothing_is_missing_unsaid(&rest.log(&id).await?)
}

/// Every sequence is a line or inside a gap; the first and the last lines are there.
fn nothing_is_missing_unsaid(log: &[Value]) -> Result<()> {
    let (mut next, mut gaps, mut lines) = (1, 0, Vec::new());
    for entry in log {
        let seq: u64 = text(entry, "seq")?.parse()?;
        ensure!(seq == next, "{seq} where {next} was due");
        next = seq + 1;
        if let Some(gap) = entry["gap"].as_object() {
            gaps += 1;
            ensure!(gap["reason"] == "GAP_REASON_DISK" || gap["reason"] == "GAP_REASON_SPOOL_FULL", "{gap:?}");
            next = gap["to"].as_str().context("an open gap inside a log")?.parse::<u64>()? + 1;
        } else if entry["stream"] == "STREAM_STDOUT" {
            lines.push(text(entry, "text")?);
        }
    }
    ensure!(gaps > 0, "the disk took everything: {} lines", lines.len());
    ensure!(lines.first().is_some_and(|line| line == "waiting"), "{:?}", lines.first());
    ensure!(lines.last().is_some_and(|line| line == "last"), "{:?}", lines.last());
    Ok(())
}

/// Takes what room there is.
fn fill(file: &Path) -> Result<()> {
    let output = Command::new("dd").args(["if=/dev/zero", "bs=4k", &format!("of={}", file.display())]).output()?;
    ensure!(!output.status.success(), "the disk was never full");
    Ok(())
}

fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?)
}

const PUSHES: usize = 24;

async fn pushes_are_killed(platform: Shared) -> Result<()> {
    let seed = rand::random();
    eprintln!("seed of the pushes: {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let rest = platform.rest();
    let project = rest.project("pushes-are-killed").await?;
    let clone = Worktree::new(&platform, &project)?;
    for number in 0..PUSHES {
        clone.commit(number)?;
        let mut push = clone.command(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]).spawn()?;
        sleep(Duration::from_millis(random.random_range(0..250))).await;
        push.kill()?;
        push.wait()?;
        heads_follow_refs(&rest, &project, &clone).await?;
    }
    // The repository is whole, and the next push works.
    clone.commit(PUSHES)?;
    // One whose client was killed may still be at work, and move the branch between this one's look and its write.
    wait::until("a push works once all others are over", async || {
        Ok(clone.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]).ok())
    })
    .await?;
    heads_follow_refs(&rest, &project, &clone).await?;
    ensure!(clone.main()? == Some(clone.git(&["rev-parse", "HEAD"])?), "the last push moved nothing");
    clone.git(&["fetch", "--quiet", "origin"])?;
    clone.git(&["fsck", "--strict", "--no-dangling"]).map(drop)
}

/// The project names the commit at which its branch stands, once who pushed is gone.
async fn heads_follow_refs(rest: &Rest, project: &str, clone: &Worktree) -> Result<()> {
    wait::until("the project's heads are its refs", async || {
        let shown = rest.get(&format!("/projects/{project}")).await?;
        let heads = shown["heads"].as_array().cloned().unwrap_or_default();
        let main = heads.iter().find(|head| head["ref"] == "refs/heads/main").map(|head| text(head, "commit"));
        Ok((main.transpose()? == clone.main()?).then_some(()))
    })
    .await
}

/// A repository whose remote is the project.
struct Worktree {
    folder: tempfile::TempDir,
    token: String,
}

impl Worktree {
    fn new(platform: &Shared, project: &str) -> Result<Self> {
        let clone = Self { folder: platform.scratch()?, token: platform.admin_token().to_owned() };
        clone.git(&["init", "--quiet"])?;
        clone.git(&["remote", "add", "origin", &format!("{}/git/{project}.git", platform.url())])?;
        Ok(clone)
    }

    /// A commit of some megabytes, so that a push takes its time.
    fn commit(&self, number: usize) -> Result<()> {
        let mut noise = vec![0; 2 << 20];
        rand::rng().fill(&mut noise[..]);
        fs::write(self.folder.path().join(format!("file-{number}")), noise)?;
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", &format!("commit {number}")]).map(drop)
    }

    /// Where the branch stands at the remote.
    fn main(&self) -> Result<Option<String>> {
        let refs = self.git(&["ls-remote", "origin", "refs/heads/main"])?;
        Ok(refs.split_whitespace().next().map(ToOwned::to_owned))
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(self.folder.path())
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0"])
            .args(["-c", &format!("http.extraHeader=Authorization: Bearer {}", self.token)])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }
}

/// What it wrote to stdout.
async fn stdout(rest: &Rest, id: &str) -> Result<Vec<String>> {
    let log = rest.log(id).await?;
    log.iter().filter(|entry| entry["stream"] == "STREAM_STDOUT").map(|entry| text(entry, "text")).collect()
}
