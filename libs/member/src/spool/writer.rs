//! Appending to the spool.
//!
//! Lines are numbered when they are taken and written in batches. When a batch
//! cannot be written its caller may give it up: from then on lines are only
//! counted, until [`Writer::flush`] succeeds in writing the gap that stands for
//! them. A batch that was written in part is cut off again, so that a reader
//! never sees a frame twice.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use super::{Content, GapReason, Record, Seq, Stream, frame, reader::Reader, segment};
use crate::time::UnixNanos;

/// The one writer of a spool.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    segment_limit_bytes: u64,
    current: Segment,
    file: File,
    full: VecDeque<Segment>,
    pending: Vec<u8>,
    /// What the next line gets.
    next: Seq,
    /// The first that is not on disk.
    unwritten: Seq,
    dropping: Option<GapReason>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    first: Seq,
    bytes: u64,
}

impl Writer {
    /// Starts an empty spool.
    pub fn create(folder: impl Into<PathBuf>, segment_limit_bytes: u64) -> io::Result<Self> {
        Self::start(folder.into(), segment_limit_bytes, Seq::FIRST)
    }

    /// Goes on after what a dead writer left. The caller holds its lock.
    pub fn resume(folder: impl Into<PathBuf>, segment_limit_bytes: u64) -> io::Result<Self> {
        let folder = folder.into();
        let oldest = segment::list(&folder)?.first().copied();
        let mut reader = Reader::open(&folder, oldest.unwrap_or(Seq::FIRST));
        while !reader.skip().map_err(io::Error::other)? {}
        Self::start(folder, segment_limit_bytes, reader.next_seq())
    }

    fn start(folder: PathBuf, segment_limit_bytes: u64, first: Seq) -> io::Result<Self> {
        let (current, file) = begin(&folder, first)?;
        Ok(Self {
            folder,
            segment_limit_bytes,
            current,
            file,
            full: VecDeque::new(),
            pending: Vec::new(),
            next: first,
            unwritten: first,
            dropping: None,
        })
    }

    /// Takes a line of at most [`super::MAX_LINE_BYTES`].
    pub fn line(&mut self, stream: Stream, time: UnixNanos, data: &[u8], continued: bool) {
        if self.dropping.is_none() {
            frame::encode_line(self.next, time, stream, data, continued, &mut self.pending);
        }
        self.next = self.next.next();
    }

    /// Says that lines of unknown number are missing from here on.
    pub fn open_gap(&mut self, reason: GapReason) {
        if self.dropping.is_none() {
            let content = Content::Gap { to: None, reason };
            frame::encode(&Record { seq: self.next, time: UnixNanos::now(), content }, &mut self.pending);
        }
        self.next = self.next.next();
    }

    /// Gives up what is pending and what comes, until a flush succeeds.
    pub fn drop_pending(&mut self, reason: GapReason) {
        self.pending.clear();
        self.dropping.get_or_insert(reason);
    }

    /// Whether lines are only counted.
    pub const fn is_dropping(&self) -> bool {
        self.dropping.is_some()
    }

    /// Bytes that wait for [`Self::flush`].
    pub const fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// The last sequence that was given; `None` before the first.
    pub const fn last_seq(&self) -> Option<Seq> {
        self.next.previous()
    }

    /// Writes what is pending, or the gap in its place. On failure nothing was
    /// written and everything is still pending.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.unwritten == self.next {
            self.dropping = None;
            return Ok(());
        }
        if let Some(reason) = self.dropping {
            self.pending.clear();
            let content = Content::Gap { to: self.next.previous(), reason };
            frame::encode(&Record { seq: self.unwritten, time: UnixNanos::now(), content }, &mut self.pending);
        }
        if self.current.bytes >= self.segment_limit_bytes && self.current.first != self.unwritten {
            let (segment, file) = begin(&self.folder, self.unwritten)?;
            self.full.push_back(self.current);
            (self.current, self.file) = (segment, file);
        }
        self.append()?;
        self.pending.clear();
        self.unwritten = self.next;
        self.dropping = None;
        Ok(())
    }

    fn append(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.pending) {
            // Opened for appending: the next write goes to the new end.
            self.file.set_len(self.current.bytes)?;
            return Err(error);
        }
        self.current.bytes += self.pending.len() as u64;
        Ok(())
    }

    /// Bytes on disk, after a look at which segments the agent has removed.
    pub fn used_bytes(&mut self) -> u64 {
        // They are removed oldest first.
        while self.full.front().is_some_and(|oldest| !segment::path(&self.folder, oldest.first).exists()) {
            self.full.pop_front();
        }
        self.full.iter().map(|segment| segment.bytes).sum::<u64>() + self.current.bytes
    }
}

fn begin(folder: &std::path::Path, first: Seq) -> io::Result<(Segment, File)> {
    let path = segment::path(folder, first);
    // What a dead writer left under this name holds no whole frame.
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_len(0)?;
    file.write_all(segment::MAGIC)?;
    Ok((Segment { first, bytes: segment::MAGIC.len() as u64 }, file))
}
