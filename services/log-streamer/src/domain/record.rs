//! One line of output, or the place where lines are missing.

use bytes::Bytes;
use katonic_domain::Timestamp;

use crate::domain::Seq;

/// Which output a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// What the platform did before the command started.
    Prepare,
}

/// Why lines are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The spool was full and the log could not be shipped.
    SpoolFull,
    /// The disk of the spool was full or failed.
    Disk,
    /// The shim or its node was lost before these lines were shipped.
    Lost,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A line without its newline.
    Line {
        /// Where it came from.
        stream: Stream,
        /// Its bytes, whatever they are.
        data: Bytes,
        /// Whether it goes on in the next record of its stream.
        continued: bool,
    },
    /// Lines that were written but could not be kept.
    Gap {
        /// The last missing one; `None` where the number is not known.
        to: Option<Seq>,
        /// Why.
        reason: GapReason,
    },
}

/// One line or gap, as the shim numbered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number; of a gap, the first missing one's.
    pub seq: Seq,
    /// When the shim read its end.
    pub time: Timestamp,
    /// What it holds.
    pub content: Content,
}

impl Record {
    /// The last sequence that it covers: its own, unless it is a gap.
    pub fn last(&self) -> Seq {
        match &self.content {
            Content::Gap { to: Some(to), .. } => *to,
            Content::Line { .. } | Content::Gap { to: None, .. } => self.seq,
        }
    }

    /// Whether it is, or spans, `seq`.
    pub fn covers(&self, seq: Seq) -> bool {
        self.seq <= seq && seq <= self.last()
    }

    /// About how many bytes it takes in memory and in a message.
    pub fn weight(&self) -> usize {
        const OVERHEAD: usize = 48;
        match &self.content {
            Content::Line { data, .. } => data.len() + OVERHEAD,
            Content::Gap { .. } => OVERHEAD,
        }
    }

    /// Whether a reader of `only` sees it: gaps are everybody's.
    pub fn shown_to(&self, only: Option<Stream>) -> bool {
        match (&self.content, only) {
            (Content::Line { stream, .. }, Some(only)) => *stream == only,
            (Content::Line { .. }, None) | (Content::Gap { .. }, _) => true,
        }
    }
}
