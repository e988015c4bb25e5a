//! Reading the spool while it is written, from any sequence that is still there.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Content, Decoded, GapReason, Record, Seq, decode, segment};
use crate::time::UnixNanos;

const READ_BYTES: usize = 256 * 1024;

/// Why the spool cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("cannot read the spool")]
    Io(#[from] io::Error),
    /// A frame is damaged, and nothing after it tells how far the damage goes.
    #[error("the spool is damaged at sequence {}", .0.get())]
    Corrupt(Seq),
}

/// Reads records in order, each once. What is missing between two it answers as a gap.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    next: Seq,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    first: Seq,
    file: File,
    buffer: Vec<u8>,
    /// How much of the buffer is read.
    taken: usize,
    magic_seen: bool,
}

enum Step {
    Record(Record),
    /// All that is there was read.
    End,
}

impl Reader {
    /// Reads from `next` on.
    pub fn open(folder: impl Into<PathBuf>, next: Seq) -> Self {
        Self { folder: folder.into(), next, open: None }
    }

    /// The next sequence that will be read.
    pub const fn next_seq(&self) -> Seq {
        self.next
    }

    /// Reads what is there, up to about `limit_bytes` of lines; empty when it
    /// has caught up with the writer.
    pub fn read(&mut self, limit_bytes: usize) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while bytes < limit_bytes {
            match self.step() {
                Ok(Step::Record(record)) => {
                    bytes += size(&record);
                    records.push(record);
                }
                Ok(Step::End) => break,
                // What was read before it is good; the next call meets it again.
                Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    /// Passes over what is there; true when it has caught up with the writer.
    /// Damage at the end counts as its end.
    pub(super) fn skip(&mut self) -> Result<bool, ReadError> {
        match self.read(READ_BYTES) {
            Ok(records) => Ok(records.is_empty()),
            Err(ReadError::Corrupt(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Answers everything up to `last` as a gap: the writer has ended and named
    /// it, but it is not there or damaged. `None` where nothing is missing.
    pub fn give_up(&mut self, last: Option<Seq>) -> Option<Record> {
        let last = last.filter(|last| *last >= self.next)?;
        Some(self.gap(last))
    }

    fn step(&mut self) -> Result<Step, ReadError> {
        loop {
            let Some(open) = &mut self.open else {
                match self.enter()? {
                    Some(step) => return Ok(step),
                    None => continue,
                }
            };
            let unread = open.unread();
            match unread.map_or(Decoded::Incomplete, decode) {
                Decoded::Frame(record, length) => {
                    open.taken += length;
                    if let Some(record) = self.in_order(record, length) {
                        return Ok(Step::Record(record));
                    }
                }
                Decoded::Incomplete => {
                    if open.fill()? == 0 && !self.leave(open_first(self.open.as_ref()))? {
                        return Ok(Step::End);
                    }
                }
                Decoded::Corrupt => {
                    let first = open.first;
                    if successor(&self.folder, first)?.is_none() {
                        return Err(ReadError::Corrupt(self.next));
                    }
                    self.enter_after(first)?;
                }
            }
        }
    }

    /// Opens the segment that holds the next sequence. `None` where it is open now.
    fn enter(&mut self) -> Result<Option<Step>, ReadError> {
        let segments = segment::list(&self.folder)?;
        let Some(oldest) = segments.first() else { return Ok(Some(Step::End)) };
        match segments.iter().rfind(|first| **first <= self.next) {
            Some(first) => {
                self.open = Open::new(&self.folder, *first)?;
                Ok(None)
            }
            None => Ok(oldest.previous().map(|last| Step::Record(self.gap(last)))),
        }
    }

    /// At the end of a segment: goes to the one after it, if there is one.
    fn leave(&mut self, first: Option<Seq>) -> Result<bool, ReadError> {
        let Some(first) = first else { return Ok(false) };
        if successor(&self.folder, first)?.is_none() {
            return Ok(false);
        }
        // It was written to until its successor appeared: look once more.
        if let Some(open) = &mut self.open
            && open.fill()? > 0
        {
            return Ok(true);
        }
        self.enter_after(first)?;
        Ok(true)
    }

    fn enter_after(&mut self, first: Seq) -> Result<(), ReadError> {
        self.open = match successor(&self.folder, first)? {
            Some(next) => Open::new(&self.folder, next)?,
            None => None,
        };
        Ok(())
    }

    /// The record if it is the next one; a gap where some are missing before it,
    /// and then it is read again; nothing where it was read already.
    fn in_order(&mut self, record: Record, length: usize) -> Option<Record> {
        if record.last_seq() < self.next {
            return None;
        }
        if record.seq > self.next {
            if let Some(open) = &mut self.open {
                open.taken -= length;
            }
            return record.seq.previous().map(|last| self.gap(last));
        }
        let record = Record { seq: self.next, ..record };
        self.next = record.last_seq().next();
        Some(record)
    }

    fn gap(&mut self, last: Seq) -> Record {
        let content = Content::Gap { to: Some(last), reason: GapReason::Disk };
        let record = Record { seq: self.next, time: UnixNanos::now(), content };
        self.next = last.next();
        record
    }

    /// Removes the segments all of which is at or below `durable`; the newest stays.
    pub fn remove_durable(folder: &Path, durable: Seq) -> io::Result<()> {
        let segments = segment::list(folder)?;
        for pair in segments.windows(2) {
            if pair[1] > durable.next() {
                break;
            }
            segment::remove(folder, pair[0])?;
        }
        Ok(())
    }
}

impl Open {
    /// `None` where it is gone by now.
    fn new(folder: &Path, first: Seq) -> io::Result<Option<Self>> {
        match segment::open(folder, first) {
            Ok(file) => Ok(Some(Self { first, file, buffer: Vec::new(), taken: 0, magic_seen: false })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is read of the file and not yet decoded; `None` before the magic.
    fn unread(&mut self) -> Option<&[u8]> {
        if !self.magic_seen && self.buffer.len() >= segment::MAGIC.len() {
            self.magic_seen = true;
            self.taken = segment::MAGIC.len();
        }
        self.magic_seen.then(|| &self.buffer[self.taken..])
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let wanted = READ_BYTES as u64;
        Read::by_ref(&mut self.file).take(wanted).read_to_end(&mut self.buffer)
    }
}

fn open_first(open: Option<&Open>) -> Option<Seq> {
    open.map(|open| open.first)
}

fn successor(folder: &Path, first: Seq) -> io::Result<Option<Seq>> {
    Ok(segment::list(folder)?.into_iter().find(|other| *other > first))
}

fn size(record: &Record) -> usize {
    // What a record costs beside its bytes, on the wire and in memory.
    const OVERHEAD: usize = 64;
    match &record.content {
        Content::Line { data, .. } => data.len() + OVERHEAD,
        Content::Gap { .. } => OVERHEAD,
    }
}

#[cfg(test)]
mod tests;
