//! The spool: a member's log on its own machine, from the moment that a line is
//! read until it is durable elsewhere.
//!
//! ```text
//!   spool/00000000000000000001.log   segments, named by their first sequence
//!         00000000000000034816.log   (the last one is being appended to)
//!
//!   segment:  "KSPOOL1\n"  frame  frame  frame …
//!
//!   frame, little-endian:
//!    0         4         8                  16                 24     25      26
//!   ┌─────────┬─────────┬──────────────────┬──────────────────┬──────┬───────┬─────────┐
//!   │ length  │ CRC-32  │ seq              │ time             │ kind │ flags │ payload │
//!   │ of what │ of what │ of the line, or  │ Unix nanoseconds │      │       │         │
//!   │ follows │ follows │ of a gap's first │                  │      │       │         │
//!   └─────────┴─────────┴──────────────────┴──────────────────┴──────┴───────┴─────────┘
//!     kind 1 stdout, 2 stderr, 3 prepare: the line's bytes without its newline;
//!            flag 1: the line goes on in the next entry of its stream
//!     kind 4 gap: last missing seq (8 bytes, 0 = not known), reason (1 byte)
//! ```
//!
//! What must hold: sequences are consecutive, a gap stands for those it names,
//! and the map from sequence to bytes never changes (L1). Files only grow: a frame
//! is never changed or taken back, and where a full disk took a part of it the rest
//! follows. A writer that dies leaves at most one torn frame at the end, which a
//! reader ignores. It is not fsynced: it outlives processes, not the loss of power
//! (then the reader answers what is missing as a gap).

mod batch;
mod frame;
mod reader;
mod segment;
mod writer;

use serde::{Deserialize, Serialize};

pub use frame::{Decoded, MAX_LINE_BYTES, decode, encode};
pub use reader::{ReadError, Reader};
pub use writer::Writer;

use crate::time::UnixNanos;

/// Place of a line in its member's log: 1, 2, 3 … across its streams, up to 2^53.
///
/// What a container says of its places may be anything: one that no log reaches is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Seq(u64);

/// A number that is no place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no place in a log")]
pub struct NoSeq(u64);

impl TryFrom<u64> for Seq {
    type Error = NoSeq;

    fn try_from(seq: u64) -> Result<Self, NoSeq> {
        Self::new(seq).ok_or(NoSeq(seq))
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl Seq {
    /// The first.
    pub const FIRST: Self = Self(1);
    const LAST: u64 = 1 << 53;

    /// That sequence; `None` for what is none.
    pub const fn new(seq: u64) -> Option<Self> {
        if seq == 0 || seq > Self::LAST { None } else { Some(Self(seq)) }
    }

    /// As a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before it; `None` before the first.
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.0.saturating_sub(1))
    }
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// What the platform says before the command starts.
    Prepare,
}

/// Why lines are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// The spool was full and nothing could be shipped.
    SpoolFull,
    /// The disk was full or failed.
    Disk,
    /// The shim was lost before it had read or written them.
    Lost,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place; of a gap, the first missing.
    pub seq: Seq,
    /// When its end was read.
    pub time: UnixNanos,
    /// The line, or what stands for it.
    pub content: Content,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A line or a part of one.
    Line {
        /// Where it was written.
        stream: Stream,
        /// Its bytes without the newline; any bytes.
        data: Vec<u8>,
        /// Whether it goes on in the next entry of its stream.
        continued: bool,
    },
    /// Lines that could not be kept.
    Gap {
        /// The last missing one; none: their number is not known.
        to: Option<Seq>,
        /// Why.
        reason: GapReason,
    },
}

impl Record {
    /// The last sequence that this entry stands for.
    pub fn last_seq(&self) -> Seq {
        match self.content {
            Content::Gap { to: Some(to), .. } => to.max(self.seq),
            Content::Gap { to: None, .. } | Content::Line { .. } => self.seq,
        }
    }
}
