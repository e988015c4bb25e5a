//! What every backend promises.

use std::time::Duration;

use anyhow::{Result, ensure};
use katonic_dispatcher::{backend::Found, reconcile::plan::Presence};
use katonic_member::ExitReason;

use crate::{
    Cases,
    bench::{Bench, Job, Where},
};

/// Adds them all.
pub fn cases(cases: &mut Cases<'_>) {
    cases.add("a_member_is_inert_until_it_is_let_go", inert);
    cases.add("exit_codes_and_signals_arrive", ends);
    cases.add("a_missing_program_is_a_stated_reason", missing);
    cases.add("a_stop_is_delivered_as_term", stop);
    cases.add("what_ignores_term_is_killed_after_its_grace", stubborn);
    cases.add("a_stop_before_go_means_that_nothing_runs", never);
    cases.add("a_timeout_ends_the_command", timeout);
    cases.add("a_lost_shim_is_seen_and_hinted_at", lost);
    cases.add("one_that_died_unclaimed_is_started_again", again);
    cases.add("user_code_starts_once_whatever_is_ensured", once);
    cases.add("what_runs_is_deleted_and_may_be_deleted_again", deleted);
    cases.add("a_later_dispatcher_sees_the_same", adopted);
    cases.add("a_full_device_is_the_commands_own_error", full_device);
    cases.add("a_fork_bomb_ends_with_its_timeout", fork_bomb);
    cases.add("children_end_with_the_command", children);
}

async fn inert(place: Where) -> Result<()> {
    let bench = Bench::new(place, Job::script("echo ran")).await?;
    ensure!(bench.presence().await? == Presence::Absent);
    for _ in 0..2 {
        bench.ensure().await?;
        bench.becomes(&[Presence::Alive]).await?;
    }
    ensure!(bench.dir()?.ticket()?.as_deref() == Some("kmt_conformance"));
    ensure!(!bench.dir()?.is_started(), "it started without being let go");
    bench.go()?;
    let exit = bench.end().await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::Completed, Some(0)), "{exit:?}");
    ensure!(bench.presence().await? == Presence::Exited);
    ensure!(bench.lines()? == ["ran"], "{:?}", bench.lines()?);
    bench.delete().await
}

async fn ends(place: Where) -> Result<()> {
    let (exit, _) = Bench::run(place.clone(), Job::script("exit 7")).await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::ExitCode, Some(7)), "{exit:?}");
    let (exit, _) = Bench::run(place.clone(), Job::script("exit 137")).await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::ExitCode, Some(137)), "{exit:?}");
    let (exit, _) = Bench::run(place, Job::script("kill -9 $$")).await?;
    ensure!((exit.reason, exit.signal) == (ExitReason::KilledBySignal, Some(9)), "{exit:?}");
    Ok(())
}

async fn missing(place: Where) -> Result<()> {
    let (exit, lines) = Bench::run(place, Job::of(&["no-such-program"])).await?;
    ensure!((exit.reason, exit.started) == (ExitReason::CommandNotFound, None), "{exit:?}");
    ensure!(lines.len() == 1 && lines[0].contains("no-such-program"), "{lines:?}");
    Ok(())
}

const WAITING: &str = "echo ready; while :; do sleep 0.05; done";

async fn stop(place: Where) -> Result<()> {
    let script = format!("trap 'echo stopping; exit 0' TERM; {WAITING}");
    let bench = Bench::start(place, Job::script(&script)).await?;
    bench.line("ready").await?;
    bench.order_stop()?;
    let exit = bench.end().await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::Stopped, Some(0)), "{exit:?}");
    // A shell may say too that its child was terminated.
    ensure!(bench.lines()?.contains(&"stopping".to_owned()), "{:?}", bench.lines()?);
    bench.delete().await
}

async fn stubborn(place: Where) -> Result<()> {
    let job = Job { grace: Duration::from_millis(200), ..Job::script(&format!("trap '' TERM; {WAITING}")) };
    let bench = Bench::start(place, job).await?;
    bench.line("ready").await?;
    bench.order_stop()?;
    let exit = bench.end().await?;
    ensure!((exit.reason, exit.signal) == (ExitReason::Stopped, Some(9)), "{exit:?}");
    bench.delete().await
}

async fn never(place: Where) -> Result<()> {
    let bench = Bench::new(place, Job::script("echo ran")).await?;
    bench.ensure().await?;
    bench.order_stop()?;
    let exit = bench.end().await?;
    ensure!((exit.reason, exit.started) == (ExitReason::Stopped, None), "{exit:?}");
    ensure!(bench.lines()?.is_empty(), "{:?}", bench.lines()?);
    bench.delete().await
}

async fn timeout(place: Where) -> Result<()> {
    let job = Job { timeout: Duration::from_millis(300), ..Job::of(&["sleep", "600"]) };
    let (exit, _) = Bench::run(place, job).await?;
    ensure!((exit.reason, exit.signal) == (ExitReason::TimedOut, Some(15)), "{exit:?}");
    Ok(())
}

async fn lost(place: Where) -> Result<()> {
    let mut bench = Bench::start(place, Job::script(WAITING)).await?;
    bench.line("ready").await?;
    bench.kill()?;
    while bench.hint().await? != bench.member.id {}
    bench.becomes(&[Presence::Dead]).await?;
    if bench.dir()?.is_contained() {
        ensure!(bench.end().await?.reason == ExitReason::ShimLost);
    }
    bench.delete().await
}

async fn again(place: Where) -> Result<()> {
    let bench = Bench::new(place, Job::script("echo ran")).await?;
    bench.ensure().await?;
    bench.becomes(&[Presence::Alive]).await?;
    // Alive is the container; its shim says who it is a moment later.
    while bench.kill().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.becomes(&[Presence::Dead]).await?;
    bench.ensure().await?;
    bench.becomes(&[Presence::Alive]).await?;
    bench.go()?;
    let exit = bench.end().await?;
    ensure!(exit.reason == ExitReason::Completed, "{exit:?}");
    bench.delete().await
}

async fn once(place: Where) -> Result<()> {
    let bench = Bench::start(place, Job::script(WAITING)).await?;
    bench.line("ready").await?;
    bench.kill()?;
    bench.becomes(&[Presence::Dead]).await?;
    for _ in 0..3 {
        bench.ensure().await?;
    }
    bench.becomes(&[Presence::Dead]).await?;
    let begun = bench.lines()?.iter().filter(|line| *line == "ready").count();
    ensure!(begun == 1, "it began {begun} times");
    bench.delete().await
}

async fn deleted(place: Where) -> Result<()> {
    let bench = Bench::start(place, Job::script(&format!("mkdir -p a/b; chmod 0 a; {WAITING}"))).await?;
    bench.line("ready").await?;
    bench.delete().await?;
    bench.ensure().await?;
    bench.becomes(&[Presence::Alive]).await?;
    bench.delete().await
}

async fn adopted(place: Where) -> Result<()> {
    let bench = Bench::start(place, Job::script(WAITING)).await?;
    bench.line("ready").await?;
    let later = bench.later()?;
    ensure!(later.observe(&bench.member.id).await? == Presence::Alive);
    let found = Found { name: bench.name(), member: Some(bench.member.id.clone()) };
    ensure!(later.observe_all().await? == [found], "{:?}", later.observe_all().await?);
    let mut hints = later.watch().ok_or_else(|| anyhow::anyhow!("no hints"))?;
    bench.kill()?;
    while hints.recv().await.as_ref() != Some(&bench.member.id) {}
    bench.becomes(&[Presence::Dead]).await?;
    bench.delete().await
}

async fn full_device(place: Where) -> Result<()> {
    let (exit, lines) = Bench::run(place, Job::script("echo before; echo x > /dev/full || exit 3")).await?;
    ensure!((exit.reason, exit.exit_code) == (ExitReason::ExitCode, Some(3)), "{exit:?} {lines:?}");
    ensure!(lines.first().map(String::as_str) == Some("before"), "{lines:?}");
    Ok(())
}

async fn fork_bomb(place: Where) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        // Without a user of its own there is no limit, which `remarks` says.
        return Ok(());
    }
    let job = Job {
        timeout: Duration::from_secs(2),
        grace: Duration::from_millis(100),
        ..Job::script("f() { f & f; }; f 2>/dev/null")
    };
    let bench = Bench::start(place, job).await?;
    let exit = bench.end().await?;
    let ended = [ExitReason::TimedOut, ExitReason::ExitCode, ExitReason::OutOfMemory, ExitReason::KilledBySignal];
    ensure!(ended.contains(&exit.reason), "{exit:?}");
    bench.delete().await?;
    ensure!(processes_of(bench.member.uid) == 0, "something of it lives");
    Ok(())
}

async fn children(place: Where) -> Result<()> {
    let script = "setsid sleep 600 & (setsid sh -c 'sleep 600 & sleep 600' &); echo started";
    let bench = Bench::start(place, Job::script(script)).await?;
    let exit = bench.end().await?;
    ensure!(exit.reason == ExitReason::Completed, "{exit:?}");
    ensure!(bench.lines()? == ["started"], "{:?}", bench.lines()?);
    ensure!(processes_of(bench.member.uid) == 0, "something of it lives");
    bench.delete().await
}

fn processes_of(uid: Option<u32>) -> usize {
    use std::os::unix::fs::MetadataExt;
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let owner = |entry: std::fs::DirEntry| Some(entry.metadata().ok()?.uid());
    processes.flatten().filter_map(owner).filter(|owner| uid.is_some_and(|uid| uid == *owner)).count()
}
