//! Appending to the spool.
//!
//! Lines are numbered when they are taken and written in batches. When a batch
//! cannot be written its caller may give it up: from then on lines are only
//! counted, until [`Writer::flush`] succeeds in writing the gap that stands for
//! them. Files only grow: what was written of a batch is not taken back.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use super::{GapReason, Seq, Stream, batch::Batch, reader::Reader, segment};
use crate::time::UnixNanos;

/// The one writer of a spool.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    segment_limit_bytes: u64,
    current: Segment,
    file: File,
    full: VecDeque<Segment>,
    batch: Batch,
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
        Ok(Self { folder, segment_limit_bytes, current, file, full: VecDeque::new(), batch: Batch::new(first) })
    }

    /// Takes a line of at most [`super::MAX_LINE_BYTES`].
    pub fn line(&mut self, stream: Stream, time: UnixNanos, data: &[u8], continued: bool) {
        self.batch.line(stream, time, data, continued);
    }

    /// Says that lines of unknown number are missing from here on.
    pub fn open_gap(&mut self, reason: GapReason) {
        self.batch.open_gap(reason);
    }

    /// Gives up what is pending and what comes, until a flush succeeds.
    pub fn drop_pending(&mut self, reason: GapReason) {
        self.batch.drop_all(reason);
    }

    /// Whether lines are only counted.
    pub const fn is_dropping(&self) -> bool {
        self.batch.is_dropping()
    }

    /// Bytes that wait for [`Self::flush`].
    pub fn pending_bytes(&self) -> usize {
        self.batch.bytes().len()
    }

    /// The last sequence that was given; `None` before the first.
    pub const fn last_seq(&self) -> Option<Seq> {
        self.batch.next_seq().previous()
    }

    /// Writes what is pending, or the gap in its place. On failure what was not
    /// written is still pending.
    pub fn flush(&mut self) -> io::Result<()> {
        self.batch.close_gap();
        if self.is_full() {
            let (segment, file) = begin(&self.folder, self.batch.unwritten())?;
            self.full.push_back(self.current);
            (self.current, self.file) = (segment, file);
        }
        self.append()?;
        self.batch.resume();
        Ok(())
    }

    /// Whether what is pending belongs into a new segment; the rest of a frame never does.
    fn is_full(&self) -> bool {
        self.current.bytes >= self.segment_limit_bytes
            && !self.batch.bytes().is_empty()
            && !self.batch.is_torn()
            && self.current.first != self.batch.unwritten()
    }

    fn append(&mut self) -> io::Result<()> {
        while !self.batch.bytes().is_empty() {
            let written = match self.file.write(self.batch.bytes()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                written => written?,
            };
            self.batch.advance(written);
            self.current.bytes += written as u64;
        }
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
