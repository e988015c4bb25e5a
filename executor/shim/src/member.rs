//! The life of a member, from lock to exit record.

use std::{io, path::Path, time::Instant};

use katonic_member::{
    Exit, ExitReason, Launch, Launched, MemberDir, Stop, UnixNanos,
    spool::{Seq, Stream},
};
use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior, setsid};

use crate::{
    command::{self, Refusal},
    ending::{Ending, Status},
    memory::Memory,
    relay::Relay,
    spooler::Spooler,
    sys,
    wake::Wake,
};

/// How a shim ended.
pub enum End {
    /// The exit record is written; the exit code that says the same, in a container.
    Recorded(u8),
    /// The member is another's.
    NotMine,
}

/// Why a shim could not do its work.
#[derive(Debug)]
pub struct Error {
    doing: &'static str,
    source: Box<dyn std::error::Error>,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.source)?;
        let mut source = self.source.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

fn failed<E: std::error::Error + 'static>(doing: &'static str) -> impl FnOnce(E) -> Error {
    move |source| Error { doing, source: Box::new(source) }
}

/// What ends the wait for `go`.
enum Order {
    Go,
    Never(Stop),
    /// The shim itself was told to end: another may take its place.
    Leave,
}

/// Serves the member in a directory.
pub fn run(path: &Path) -> Result<End, Error> {
    let member = MemberDir::at(path);
    let contained = member.is_contained();
    become_alone(contained).map_err(failed("leave the starter's session"))?;
    // Before the lock: from then on a TERM is an order, not the end.
    let wake = Wake::new(&member).map_err(failed("watch the directory"))?;
    let Some(_lock) = member.lock_for_shim().map_err(failed("take the lock"))? else { return Ok(End::NotMine) };
    if member.is_started() || member.shim_exit().map_err(failed("look for an exit record"))?.is_some() {
        return Ok(End::NotMine);
    }
    let launch = member.launch_for_shim().map_err(failed("read the launch file"))?;
    let launch = launch.ok_or_else(|| failed("read the launch file")(io::Error::from(io::ErrorKind::NotFound)))?;
    let stop = match wait_for_go(&member, &wake)? {
        Order::Leave => return Ok(End::NotMine),
        Order::Go => None,
        Order::Never(stop) => Some(stop),
    };
    // The timeout counts from here.
    let ending = Ending::new(Instant::now(), launch.timeout, launch.grace);
    if !member.start_once().map_err(failed("take the right to start"))? {
        return Ok(End::NotMine);
    }
    let mut spooler = Spooler::create(&member, &launch).map_err(failed("start the spool"))?;
    let exit = match stop {
        Some(stop) => never(&stop, &mut spooler),
        None => execute(&member, &launch, &wake, spooler, ending)?,
    };
    let written = member.set_shim_exit(&exit).map_err(failed("write the exit record"));
    if contained {
        // User code may have made it impossible; why it ended is said all the same.
        return Ok(End::Recorded(exit.reason.shim_code()));
    }
    written.map(|()| End::Recorded(0))
}

/// Its own session, adopter of orphans, no descriptor of its starter's for its children.
fn become_alone(contained: bool) -> io::Result<()> {
    if contained {
        // User code of the same user can neither trace it nor read its memory.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    // Fails only for the leader of a process group, which is alone enough.
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    sys::close_others_on_exec()
}

fn wait_for_go(member: &MemberDir, wake: &Wake) -> Result<Order, Error> {
    loop {
        if let Some(stop) = member.stop().map_err(failed("read the stop order"))? {
            return Ok(Order::Never(stop));
        }
        if member.may_go() {
            return Ok(Order::Go);
        }
        if wake.wait([None, None], None).map_err(failed("wait for go"))?.ended {
            return Ok(Order::Leave);
        }
    }
}

fn execute(
    member: &MemberDir,
    launch: &Launch,
    wake: &Wake,
    mut spooler: Spooler,
    ending: Ending,
) -> Result<Exit, Error> {
    let memory = Memory::of(member);
    let started = match command::start(launch, member.is_contained()) {
        Ok(started) => started,
        Err(Refusal { reason, message }) => return Ok(refused(reason, &message, &mut spooler)),
    };
    let time = UnixNanos::now();
    let said = member.set_launched(Launched { time }).map_err(failed("say that the command runs"));
    if !member.is_contained() {
        // There user code, which runs by now, may have made it impossible.
        said?;
    }
    let relay = Relay::new(member, launch, wake, &mut spooler, (started, ending));
    let (status, ending) = relay.run().map_err(failed("relay the command's output"))?;
    let (exit_code, signal) = match status {
        Status::Exited(code) => (Some(code), None),
        Status::Signaled(signal) => (None, Some(signal)),
    };
    let reason = match ending.reason(status) {
        ExitReason::ExitCode | ExitReason::KilledBySignal if memory.ran_out() => ExitReason::OutOfMemory,
        reason => reason,
    };
    let used = sys::used_by_children();
    let last_seq = spooler.finish();
    Ok(Exit { exit_code, signal, started: Some(time), used, ..ended(reason, last_seq) })
}

fn never(stop: &Stop, spooler: &mut Spooler) -> Exit {
    refused(stop.reason.exit_reason(), &stop.message, spooler)
}

/// The command never ran; the log says why.
fn refused(reason: ExitReason, message: &str, spooler: &mut Spooler) -> Exit {
    for line in message.lines() {
        spooler.line(Stream::Prepare, UnixNanos::now(), line.as_bytes(), false);
    }
    ended(reason, spooler.finish())
}

fn ended(reason: ExitReason, last_seq: Option<Seq>) -> Exit {
    Exit { reason, exit_code: None, signal: None, last_seq, started: None, ended: UnixNanos::now(), used: None }
}
