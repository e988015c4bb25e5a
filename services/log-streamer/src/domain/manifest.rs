//! The manifest: which segments a log has, up to where it is durable, whether it is closed.
//!
//! ```text
//!            push(first = durable + 1)            close(last = durable)
//!   open ────────────────────────────> open … ─────────────────────────> closed (final)
//! ```
//!
//! Its owner changes it by compare-and-set, so [`Manifest::push`] is the fence
//! between replicas: of two segments that start at the same place one is kept
//! (DESIGN L4). A closed log takes nothing more.

use katonic_blob::BlobPath;
use katonic_domain::{MemberId, ProjectId};
use serde::{Deserialize, Serialize};

use crate::domain::Seq;

/// Why a manifest does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The segment does not start after the durable end: somebody else wrote there.
    #[error("the log is durable up to {durable} already")]
    Fenced {
        /// Where the log ends.
        durable: Seq,
    },
    /// The log is closed.
    #[error("the log is closed at {last}")]
    Closed {
        /// Its last sequence.
        last: Seq,
    },
    /// Records are missing before the sequence at which it is to close.
    #[error("the log is durable up to {durable} only")]
    Behind {
        /// Where the log ends.
        durable: Seq,
    },
}

/// Where a segment's sealed bytes are. Both are sealed for `path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Place {
    /// In the blob store.
    Blob {
        /// Where.
        path: BlobPath,
    },
    /// In the manifest itself: the end of a small log.
    Inline {
        /// Where it would be.
        path: BlobPath,
        /// The sealed bytes.
        #[serde(with = "serde_bytes")]
        sealed: Vec<u8>,
    },
}

impl Place {
    /// The path for which the bytes were sealed; unique to the segment.
    pub const fn path(&self) -> &BlobPath {
        match self {
            Self::Blob { path } | Self::Inline { path, .. } => path,
        }
    }
}

/// A run of records that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its first sequence.
    pub first: Seq,
    /// Its last sequence.
    pub last: Seq,
    /// About how many bytes its records take.
    pub weight: u64,
    /// Where its bytes are.
    pub place: Place,
}

/// What is known of one member's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    member: MemberId,
    project: ProjectId,
    segments: Vec<Segment>,
    durable_seq: Seq,
    closed: bool,
}

impl Manifest {
    /// The manifest of a log that has nothing yet.
    pub const fn open(member: MemberId, project: ProjectId) -> Self {
        Self { member, project, segments: Vec::new(), durable_seq: Seq::ZERO, closed: false }
    }

    /// Whose log it is.
    pub const fn member(&self) -> &MemberId {
        &self.member
    }

    /// Whose key seals it.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Everything up to here is kept.
    pub const fn durable_seq(&self) -> Seq {
        self.durable_seq
    }

    /// Whether it takes nothing more.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes a segment that starts where the log ends.
    pub fn push(&mut self, segment: Segment) -> Result<(), ManifestError> {
        if self.closed {
            return Err(ManifestError::Closed { last: self.durable_seq });
        }
        if segment.first != self.durable_seq.next() || segment.last < segment.first {
            return Err(ManifestError::Fenced { durable: self.durable_seq });
        }
        self.durable_seq = segment.last;
        self.segments.push(segment);
        Ok(())
    }

    /// Closes the log at its last sequence; closing it there again is the same.
    pub fn close(&mut self, last: Seq) -> Result<(), ManifestError> {
        if self.durable_seq == last {
            self.closed = true;
            return Ok(());
        }
        if self.closed {
            return Err(ManifestError::Closed { last: self.durable_seq });
        }
        if self.durable_seq < last {
            return Err(ManifestError::Behind { durable: self.durable_seq });
        }
        Err(ManifestError::Fenced { durable: self.durable_seq })
    }

    /// The segment that holds `seq`.
    pub fn covering(&self, seq: Seq) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.last < seq);
        self.segments.get(after).filter(|segment| segment.first <= seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let member = "exe_01h455vb4pex5vsknk084sn02q/1/main/0".parse().expect("a member");
        Manifest::open(member, ProjectId::generate())
    }

    fn segment(first: u64, last: u64) -> Segment {
        let path = format!("logs/{first}-{last}").parse().expect("a path");
        Segment { first: Seq::new(first), last: Seq::new(last), weight: 1, place: Place::Blob { path } }
    }

    #[test]
    fn of_two_segments_at_one_place_one_is_kept() {
        let mut log = manifest();
        log.push(segment(1, 10)).expect("the first");
        for wrong in [segment(1, 10), segment(5, 20), segment(12, 20), segment(11, 10)] {
            assert_eq!(log.push(wrong), Err(ManifestError::Fenced { durable: Seq::new(10) }));
        }
        log.push(segment(11, 20)).expect("the next");
        assert_eq!(log.durable_seq(), Seq::new(20));
    }

    #[test]
    fn a_closed_log_takes_nothing_and_closes_again_only_where_it_ended() {
        let mut log = manifest();
        log.push(segment(1, 10)).expect("a segment");
        assert_eq!(log.close(Seq::new(11)), Err(ManifestError::Behind { durable: Seq::new(10) }));
        assert!(log.close(Seq::new(9)).is_err());
        log.close(Seq::new(10)).expect("closed");
        log.close(Seq::new(10)).expect("closed again");
        let closed = Err(ManifestError::Closed { last: Seq::new(10) });
        assert_eq!(log.push(segment(11, 12)), closed);
        assert_eq!(log.close(Seq::new(12)), closed);
    }

    #[test]
    fn an_empty_log_closes_at_zero() {
        let mut log = manifest();
        log.close(Seq::ZERO).expect("closed");
        assert!(log.is_closed());
    }

    #[test]
    fn every_sequence_is_found_in_its_segment() {
        let mut log = manifest();
        for (first, last) in [(1, 10), (11, 11), (12, 30)] {
            log.push(segment(first, last)).expect("a segment");
        }
        let first_of = |seq| log.covering(Seq::new(seq)).map(|s| s.first.get());
        assert_eq!([1, 10, 11, 12, 30].map(first_of), [Some(1), Some(1), Some(11), Some(12), Some(12)]);
        assert_eq!(first_of(31), None);
    }
}
