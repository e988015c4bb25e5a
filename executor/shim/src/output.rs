//! One of the command's outputs: its pipe and the line that is not whole yet.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use katonic_member::{UnixNanos, spool::Stream};
use rustix::io::Errno;

use crate::{lines::Splitter, spooler::Spooler};

/// Standard output or standard error.
pub struct Output {
    stream: Stream,
    pipe: Option<OwnedFd>,
    splitter: Splitter,
}

impl Output {
    /// Of the reading end of a pipe that does not block.
    pub fn new(stream: Stream, pipe: OwnedFd) -> Self {
        Self { stream, pipe: Some(pipe), splitter: Splitter::default() }
    }

    /// What to wait for; `None` after its end.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Whether no process can write to it any more and all was read.
    pub const fn has_ended(&self) -> bool {
        self.pipe.is_none()
    }

    /// Reads once what is there; true if anything was.
    pub fn read(&mut self, buffer: &mut [u8], spooler: &mut Spooler) -> io::Result<bool> {
        let Some(pipe) = &self.pipe else { return Ok(false) };
        match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => {
                self.close(spooler);
                Ok(false)
            }
            Ok(length) => {
                let (stream, now) = (self.stream, UnixNanos::now());
                let bytes = buffer.get(..length).unwrap_or_default();
                self.splitter.push(bytes, |line, continued| spooler.line(stream, now, line, continued));
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads no more; what came last without a newline is a line that does not end.
    pub fn close(&mut self, spooler: &mut Spooler) {
        self.pipe = None;
        let (stream, now) = (self.stream, UnixNanos::now());
        self.splitter.finish(|line| spooler.line(stream, now, line, true));
    }
}
