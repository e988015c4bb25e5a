//! What the shim waits for: output, files in its directory, signals, time.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
    time::Instant,
};

use katonic_member::MemberDir;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
    io::Errno,
    process::getpid,
};

use crate::sys::{self, Told};

/// What has happened since it was last asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Woken {
    /// A file appeared in the member's directory.
    pub files: bool,
    /// The agent removed what is durable from the spool.
    pub spool: bool,
    /// A child ended.
    pub child: bool,
    /// The shim was told to end.
    pub ended: bool,
    /// Which of the outputs can be read.
    pub outputs: [bool; 2],
}

/// Waits for any of it.
pub struct Wake {
    inotify: OwnedFd,
    spool_watch: i32,
    signals: OwnedFd,
    /// Whether it is the first process of a container.
    is_first: bool,
}

impl Wake {
    /// Watches a member. What is there already must be looked at once after this.
    pub fn new(member: &MemberDir) -> io::Result<Self> {
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&inotify, member.orders(), inotify::WatchFlags::MOVED_TO)?;
        let spool_watch = inotify::add_watch(&inotify, member.spool(), inotify::WatchFlags::DELETE)?;
        let is_first = getpid().as_raw_nonzero().get() == 1;
        Ok(Self { inotify, spool_watch, signals: sys::signals()?, is_first })
    }

    /// Waits until something happens or `until` comes. An output that is `None`
    /// is not waited for.
    pub fn wait(&self, outputs: [Option<BorrowedFd<'_>>; 2], until: Option<Instant>) -> io::Result<Woken> {
        let mut fds = vec![PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(outputs.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        match poll(&mut fds, until.map(time_left).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut woken = Woken::default();
        let mut rest = fds[2..].iter();
        for (ready, output) in woken.outputs.iter_mut().zip(outputs) {
            // HUP and ERR are read as well: that is how an end is seen.
            *ready = output.is_some() && rest.next().is_some_and(|fd| !fd.revents().is_empty());
        }
        if !fds[0].revents().is_empty() {
            self.read_files(&mut woken)?;
        }
        if !fds[1].revents().is_empty() {
            self.read_signals(&mut woken)?;
        }
        Ok(woken)
    }

    fn read_files(&self, woken: &mut Woken) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(event) if event.wd() == self.spool_watch => woken.spool = true,
                // Too many to tell apart count as all of them.
                Ok(event) if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) => {
                    (woken.files, woken.spool) = (true, true);
                }
                Ok(_) => woken.files = true,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read_signals(&self, woken: &mut Woken) -> io::Result<()> {
        while let Some(signal) = sys::next_signal(&self.signals)? {
            match signal {
                Told::ChildEnded => woken.child = true,
                Told::End { by: 0 } => woken.ended = true,
                // User code has the same user there; whoever has a say sends it from outside.
                Told::End { .. } => woken.ended |= !self.is_first,
            }
        }
        Ok(())
    }
}

fn time_left(until: Instant) -> Timespec {
    let left = until.saturating_duration_since(Instant::now());
    let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: i64::from(left.subsec_nanos()) }
}
