//! What members use, measured every 5 s for as long as their user code runs.
//!
//! ```text
//!   Sampler ── one look at the machine ──▶ Metering, one a member: its series
//!                                             ├─▶ agent-usage.json
//!                                             └─▶ dispatcher: the first sample, each sixth after it, the end
//! ```
//!
//! It never holds up a member: what fails is done with a later sample. An agent
//! that starts anew goes on with what is kept, since the kernel's counters did;
//! of the samples since it was kept, only their peaks are lost.

mod cgroup;
mod convert;
mod processes;

use std::{io, sync::Arc, time::Duration};

use katonic_domain::usage::{Sample, Series, Totals};
use katonic_member::{Exit, Launch, Liveness, MemberDir, UnixNanos, write_visible};
use katonic_proto::dispatcher::v1::{ReportUsageRequest, UsageSeries};
use katonic_service::runtime::chain;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::warn;

use self::processes::{Owner, Snapshot};
use crate::session::Session;

/// How often samples are taken.
const EVERY: Duration = Duration::from_secs(5);
/// Of so many samples the first is reported.
const SAMPLES_PER_REPORT: u64 = 6;
/// How long a report may take: the next one says the same.
const DEADLINE: Duration = Duration::from_secs(5);
/// Where a series is kept, in its member's directory.
const FILE: &str = "agent-usage.json";

/// Looks at the machine's processes, once for all members.
#[derive(Debug)]
pub struct Sampler(watch::Sender<Arc<Snapshot>>);

impl Sampler {
    /// One that has not looked yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }

    /// Looks again and again, while anybody is there to whom it matters.
    pub async fn run(&self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.0.receiver_count() == 0 {
                continue;
            }
            match spawn_blocking(Snapshot::take).await.map_err(io::Error::other).flatten() {
                Ok(snapshot) => {
                    self.0.send_replace(Arc::new(snapshot));
                }
                Err(error) => warn!(%error, "processes cannot be looked at"),
            }
        }
    }
}

/// Measures one member.
#[derive(Debug)]
pub struct Metering<'a> {
    session: &'a Session,
    member: &'a MemberDir,
    launch: &'a Launch,
    series: Series,
}

impl<'a> Metering<'a> {
    /// Goes on with what was kept.
    pub fn resume(session: &'a Session, member: &'a MemberDir, launch: &'a Launch) -> Self {
        let kept = member.read(FILE).unwrap_or_else(|error| {
            warn!(error = %chain(&error), "what was measured is lost");
            None
        });
        Self { session, member, launch, series: kept.unwrap_or_default() }
    }

    /// Takes samples until it is cut off.
    pub async fn run(&mut self, sampler: &Sampler) {
        let mut looks = sampler.0.subscribe();
        // The sender lives as long as the agent.
        while looks.changed().await.is_ok() {
            let snapshot = Arc::clone(&looks.borrow_and_update());
            match self.sample(snapshot).await {
                Ok(true) if self.series.sequence() % SAMPLES_PER_REPORT == 1 => self.report().await,
                Ok(_) => {}
                Err(error) => warn!(error = %chain(&error), "a sample could not be taken"),
            }
        }
    }

    /// Takes a sample, unless user code does not run.
    async fn sample(&mut self, snapshot: Arc<Snapshot>) -> io::Result<bool> {
        let (member, uid) = (self.member.clone(), self.launch.run_as.map(|user| user.uid));
        let seen = spawn_blocking(move || look(&member, uid, &snapshot)).await.map_err(io::Error::other)??;
        if let Some(sample) = &seen {
            self.series.take(sample);
        }
        Ok(seen.is_some())
    }

    async fn report(&self) {
        if let Err(error) = self.keep() {
            warn!(%error, "what was measured is not kept");
        }
        let Ok(Some(launched)) = self.member.launched() else { return };
        let message = ReportUsageRequest {
            member_id: self.session.member_id().to_owned(),
            series: Some(convert::series(launched.time, &self.series)),
        };
        let request = self.session.request(message);
        match timeout(DEADLINE, self.session.members().report_usage(request)).await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) => warn!(code = %status.code(), "what was measured is not reported"),
            Err(_) => warn!("what was measured is not reported in time"),
        }
    }

    fn keep(&self) -> io::Result<()> {
        write_visible(&self.member.path().join(FILE), &serde_json::to_vec(&self.series)?)
    }

    /// All that it used, with what its shim counted; none where nothing was measured.
    pub fn finish(mut self, exit: &Exit) -> Option<UsageSeries> {
        if let Some(used) = exit.used {
            self.series.raise(&Totals {
                cpu_ms: used.cpu_ms,
                peak_memory_bytes: used.peak_memory_bytes,
                read_bytes: used.read_bytes,
                written_bytes: used.written_bytes,
                peak_processes: 0,
            });
        }
        let started = exit.started.filter(|_| self.series.sequence() > 0)?;
        Some(convert::series(started, &self.series))
    }
}

/// What a member had used by the time of a look at all processes; none while its user code does not run.
fn look(member: &MemberDir, uid: Option<u32>, snapshot: &Snapshot) -> io::Result<Option<Sample>> {
    let running = if member.is_contained() { contained(member, uid) } else { uncontained(member, uid)? };
    let (Some(at), Some((since, owner))) = (snapshot.at, running) else { return Ok(None) };
    let since_ms = at.get().saturating_sub(since.get()) / 1_000_000;
    Ok(Some(snapshot.sample(owner, u64::try_from(since_ms).unwrap_or(0))))
}

/// Since when a process of this machine runs, and which processes are its.
fn uncontained(member: &MemberDir, uid: Option<u32>) -> io::Result<Option<(UnixNanos, Owner)>> {
    let Some(launched) = member.launched().map_err(io::Error::other)? else { return Ok(None) };
    let Liveness::Running(Some(shim)) = member.liveness().map_err(io::Error::other)? else { return Ok(None) };
    Ok(shim.is_alive()?.then_some((launched.time, Owner { shim: Some(shim.pid), uid })))
}

/// The same of a container, by what its user code can neither forge nor remove. Without a user of its own nothing
/// tells its processes from the machine's.
fn contained(member: &MemberDir, uid: Option<u32>) -> Option<(UnixNanos, Owner)> {
    Some((member.went()?, Owner { shim: None, uid: Some(uid?) }))
}
