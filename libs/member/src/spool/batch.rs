//! Entries that are numbered and wait to be written.
//!
//! A file takes as many bytes as it has room for, so a batch may be written in
//! part, up to the middle of a frame. What was written is never taken back: a
//! reader may have read it. The rest of a torn frame stays first in line,
//! whatever is given up behind it.

use super::{Content, Decoded, GapReason, Record, Seq, Stream, decode, frame};
use crate::time::UnixNanos;

/// The entries, as bytes of whole frames but for the first.
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    /// How many of the first bytes end a frame whose beginning is written.
    torn: usize,
    /// What the next line gets.
    next: Seq,
    /// The first of which nothing is written.
    unwritten: Seq,
    dropping: Option<GapReason>,
}

impl Batch {
    /// Nothing yet; the first line gets `first`.
    pub const fn new(first: Seq) -> Self {
        Self { bytes: Vec::new(), torn: 0, next: first, unwritten: first, dropping: None }
    }

    /// Takes a line, or counts it while lines are given up.
    pub fn line(&mut self, stream: Stream, time: UnixNanos, data: &[u8], continued: bool) {
        if self.dropping.is_none() {
            frame::encode_line(self.next, time, stream, data, continued, &mut self.bytes);
        }
        self.next = self.next.next();
    }

    /// Says that lines of unknown number are missing from here on.
    pub fn open_gap(&mut self, reason: GapReason) {
        if self.dropping.is_none() {
            self.gap(self.next, None, reason);
        }
        self.next = self.next.next();
    }

    /// Gives up what waits and what comes, until [`Self::resume`].
    pub fn drop_all(&mut self, reason: GapReason) {
        self.bytes.truncate(self.torn);
        self.dropping.get_or_insert(reason);
    }

    /// Whether lines are only counted.
    pub const fn is_dropping(&self) -> bool {
        self.dropping.is_some()
    }

    /// Puts the gap up to here in the place of what was given up.
    pub fn close_gap(&mut self) {
        let Some(reason) = self.dropping else { return };
        self.bytes.truncate(self.torn);
        if self.unwritten < self.next {
            self.gap(self.unwritten, self.next.previous(), reason);
        }
    }

    /// Lines are taken again: everything up to here is written.
    pub const fn resume(&mut self) {
        self.dropping = None;
    }

    /// What is to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first of [`Self::bytes`] were written, as many as that.
    pub fn advance(&mut self, written: usize) {
        let mut end = self.torn;
        if written == self.bytes.len() {
            (end, self.unwritten) = (written, self.next);
        }
        while end < written
            && let Decoded::Frame(record, length) = decode(&self.bytes[end..])
        {
            end += length;
            self.unwritten = record.last_seq().next();
        }
        self.bytes.drain(..written);
        self.torn = end - written;
    }

    /// Whether a frame's beginning is written and its end is not.
    pub const fn is_torn(&self) -> bool {
        self.torn > 0
    }

    /// What the next line gets.
    pub const fn next_seq(&self) -> Seq {
        self.next
    }

    /// The first sequence of which nothing is written.
    pub const fn unwritten(&self) -> Seq {
        self.unwritten
    }

    fn gap(&mut self, seq: Seq, to: Option<Seq>, reason: GapReason) {
        let content = Content::Gap { to, reason };
        frame::encode(&Record { seq, time: UnixNanos::now(), content }, &mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Some lines come, and the file has room for so many bytes.
    fn steps() -> impl Strategy<Value = Vec<(usize, usize)>> {
        vec((0_usize..6, prop_oneof![0_usize..120, Just(usize::MAX)]), 1..40)
    }

    /// Writes what there is room for; gives up the rest, as who has a full disk does.
    fn write(batch: &mut Batch, room: usize, file: &mut Vec<u8>) {
        batch.close_gap();
        let written = room.min(batch.bytes().len());
        file.extend_from_slice(&batch.bytes()[..written]);
        batch.advance(written);
        if batch.bytes().is_empty() {
            batch.resume();
        } else {
            batch.drop_all(GapReason::Disk);
        }
    }

    fn records(mut file: &[u8]) -> (Vec<Record>, &[u8]) {
        let mut records = Vec::new();
        while let Decoded::Frame(record, length) = decode(file) {
            records.push(record);
            file = &file[length..];
        }
        (records, file)
    }

    proptest! {
        /// However a disk fills up and empties, a reader that saw each byte when it
        /// was written sees each sequence once, as its line or in a gap.
        #[test]
        fn each_sequence_is_written_once_or_declared(steps in steps()) {
            let mut batch = Batch::new(Seq::FIRST);
            let mut file = Vec::new();
            for (lines, room) in steps {
                for _ in 0..lines {
                    let text = batch.next_seq().get().to_string();
                    batch.line(Stream::Stdout, UnixNanos::new(1), text.as_bytes(), false);
                }
                write(&mut batch, room, &mut file);
            }
            write(&mut batch, usize::MAX, &mut file);
            let (records, rest) = records(&file);
            prop_assert!(rest.is_empty(), "{} bytes that are no frame", rest.len());
            let mut next = Seq::FIRST;
            for record in records {
                prop_assert_eq!(record.seq, next);
                next = record.last_seq().next();
                if let Content::Line { data, .. } = record.content {
                    prop_assert_eq!(data, record.seq.get().to_string().into_bytes());
                }
            }
            prop_assert_eq!(next, batch.next_seq());
        }
    }
}
