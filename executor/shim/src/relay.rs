//! From the launched command to the last line of its log.

use std::{
    io,
    time::{Duration, Instant},
};

use katonic_member::{Launch, MemberDir, Which, kill_all, spool::Stream};
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, kill_process_group, wait},
};

use crate::{
    command::Started,
    ending::{Cause, Ending, Send, Status},
    output::Output,
    spooler::Spooler,
    sys,
    wake::{Wake, Woken},
};

/// How long pipes that somebody still holds are read after the command's end.
const DRAIN: Duration = Duration::from_secs(5);
/// How often what should be dead by now is looked for again.
const DRAIN_STEP: Duration = Duration::from_millis(50);
const READ_BYTES: usize = 256 * 1024;

/// A command that runs, with all that hangs on it.
pub struct Relay<'a> {
    member: &'a MemberDir,
    launch: &'a Launch,
    wake: &'a Wake,
    spooler: &'a mut Spooler,
    pid: Pid,
    outputs: [Output; 2],
    ending: Ending,
    buffer: Vec<u8>,
}

impl<'a> Relay<'a> {
    /// Of a command that was just started.
    pub fn new(
        member: &'a MemberDir,
        launch: &'a Launch,
        wake: &'a Wake,
        spooler: &'a mut Spooler,
        (started, ending): (Started, Ending),
    ) -> Self {
        let [stdout, stderr] = started.outputs;
        let outputs = [Output::new(Stream::Stdout, stdout), Output::new(Stream::Stderr, stderr)];
        Self { member, launch, wake, spooler, pid: started.pid, outputs, ending, buffer: vec![0; READ_BYTES] }
    }

    /// Relays until the command has ended; leaves nothing of it behind.
    pub fn run(mut self) -> io::Result<(Status, Ending)> {
        // An order may have come before the directory was watched for it.
        let mut woken = Woken { files: true, ..Woken::default() };
        let status = loop {
            if let Some(status) = self.handle(woken)? {
                break status;
            }
            let outputs = self.outputs.each_ref().map(|output| output.fd().filter(|_| self.spooler.accepts()));
            let until = self.spooler.wake_at().into_iter().chain(self.ending.wake_at()).min();
            woken = self.wake.wait(outputs, until)?;
        };
        self.drain()?;
        Ok((status, self.ending))
    }

    fn handle(&mut self, woken: Woken) -> io::Result<Option<Status>> {
        let now = Instant::now();
        for (output, ready) in self.outputs.iter_mut().zip(woken.outputs) {
            if ready {
                output.read(&mut self.buffer, self.spooler)?;
            }
        }
        if woken.spool {
            self.spooler.freed(now);
        }
        self.spooler.flush(now);
        if woken.files
            && let Some(stop) = self.member.stop().map_err(io::Error::other)?
        {
            let send = self.ending.begin(Cause::Order(stop.reason), now);
            self.send(send)?;
        }
        if woken.ended {
            let send = self.ending.begin(Cause::Signal, now);
            self.send(send)?;
        }
        let send = self.ending.due(now);
        self.send(send)?;
        self.reap()
    }

    fn send(&self, send: Option<Send>) -> io::Result<()> {
        match send {
            // The command is not reaped yet, so that its group is still its own.
            Some(Send::Term) => match kill_process_group(self.pid, Signal::TERM) {
                Ok(()) | Err(Errno::SRCH) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Some(Send::Kill) => self.kill_rest(),
            None => Ok(()),
        }
    }

    /// Reaps every child that has ended, adopted ones too; the command's status
    /// if it is among them.
    fn reap(&self) -> io::Result<Option<Status>> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.pid => {
                    let code = status.exit_status().map(Status::Exited);
                    let status = code.or(status.terminating_signal().map(Status::Signaled));
                    if status.is_some() {
                        return Ok(status);
                    }
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(Errno::CHILD) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills all that the command left: by its user where that is its own, and
    /// whatever descends from it; orphans were adopted by the shim.
    fn kill_rest(&self) -> io::Result<()> {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        if own == 1 && self.member.is_contained() {
            // It shares its processor time with them: there is none to look for each.
            return sys::kill_all_others();
        }
        if let Some(user) = self.launch.run_as {
            kill_all(Which::User(user.uid))?;
        }
        kill_all(Which::DescendantsOf(own))?;
        Ok(())
    }

    /// Kills what is left and reads what the pipes still hold, for at most 5 s.
    fn drain(&mut self) -> io::Result<()> {
        self.spooler.drain();
        let deadline = Instant::now() + DRAIN;
        loop {
            self.kill_rest()?;
            self.reap()?;
            let more = self.read_all(deadline)?;
            let now = Instant::now();
            if self.outputs.iter().all(Output::has_ended) {
                break;
            }
            if now >= deadline {
                self.give_up(more);
                break;
            }
            let outputs = self.outputs.each_ref().map(Output::fd);
            self.wake.wait(outputs, Some(deadline.min(now + DRAIN_STEP)))?;
        }
        Ok(())
    }

    /// Reads until nothing is there; true where the deadline came first.
    fn read_all(&mut self, deadline: Instant) -> io::Result<bool> {
        loop {
            let mut any = false;
            for output in &mut self.outputs {
                any |= output.read(&mut self.buffer, self.spooler)?;
            }
            self.spooler.flush(Instant::now());
            if !any || Instant::now() >= deadline {
                return Ok(any);
            }
        }
    }

    /// Somebody out of reach holds a pipe: what it writes from now on is lost.
    fn give_up(&mut self, more: bool) {
        for output in &mut self.outputs {
            output.close(self.spooler);
        }
        if more {
            self.spooler.open_gap();
        }
    }
}
