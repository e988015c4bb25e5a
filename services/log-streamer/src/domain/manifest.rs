//! The manifest: which segments a log has, up to where it is durable, whether it is closed.
//!
//! ```text
//!            push(first = durable + 1)            close(last = durable)
//!   open ────────────────────────────> open … ─────────────────────────> closed (final)
//! ```
//!
//! Its owner changes it by compare-and-set, so [`Manifest::push`] is the fence
//! between replicas: of two segments that start at the same place one is kept
//! (DESIGN L4). A closed log takes nothing more, not even a merge.
//!
//! A long log's oldest segments are merged, or each change would write a longer
//! manifest. What a merge replaced is retired: readers that hold an older
//! manifest find it for a while.

use katonic_blob::BlobPath;
use katonic_domain::{MemberId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::Seq;

/// More segments than this are merged.
const MANY: usize = 512;
/// How many of the oldest are looked at then.
const OLD: usize = 256;
/// A merged segment is read as a whole: no larger than this.
const MERGED_WEIGHT: u64 = 32 << 20;
/// How long after its end, in seconds, a blob may still be read: longer than any request.
const LINGER_S: i64 = 600;

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
    #[serde(default)]
    retired: Vec<Retired>,
    /// When a closed log's folder is to be swept, in Unix seconds; `None` once that is done.
    #[serde(default)]
    sweep_at: Option<i64>,
}

/// A blob that a merge has replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    path: BlobPath,
    /// When it may be deleted, in Unix seconds.
    delete_at: i64,
}

impl Manifest {
    /// The manifest of a log that has nothing yet.
    pub const fn open(member: MemberId, project: ProjectId) -> Self {
        Self {
            member,
            project,
            segments: Vec::new(),
            durable_seq: Seq::ZERO,
            closed: false,
            retired: Vec::new(),
            sweep_at: None,
        }
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

    /// Takes a segment that starts where the log ends. One that it has already is
    /// no news: a write whose answer was lost is repeated, and must not look like
    /// another writer's, whose segment would be dropped.
    pub fn push(&mut self, segment: Segment) -> Result<(), ManifestError> {
        if self.lists(segment.place.path()) {
            return Ok(());
        }
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
    pub fn close(&mut self, last: Seq, now: Timestamp) -> Result<(), ManifestError> {
        if self.durable_seq == last {
            if !self.closed {
                self.closed = true;
                self.sweep_at = Some(now.as_second() + LINGER_S);
            }
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

    /// The oldest run of segments that is worth merging; empty while there are few.
    pub fn mergeable(&self) -> &[Segment] {
        if self.closed || self.segments.len() <= MANY {
            return &[];
        }
        let mut from = 0;
        let mut weight = 0;
        for (index, segment) in self.segments.iter().enumerate().take(OLD) {
            if weight + segment.weight > MERGED_WEIGHT {
                if index - from > 1 {
                    return &self.segments[from..index];
                }
                (from, weight) = (index, 0);
            }
            weight += segment.weight;
        }
        if OLD - from > 1 { &self.segments[from..OLD] } else { &[] }
    }

    /// Replaces a run of segments by one that holds the same records.
    pub fn merge(&mut self, merged: Segment, now: Timestamp) -> Result<(), ManifestError> {
        if self.closed {
            return Err(ManifestError::Closed { last: self.durable_seq });
        }
        let from = self.segments.iter().position(|segment| segment.first == merged.first);
        let to = self.segments.iter().position(|segment| segment.last == merged.last);
        let (Some(from), Some(to)) = (from, to) else {
            return Err(ManifestError::Fenced { durable: self.durable_seq });
        };
        if from >= to {
            return Err(ManifestError::Fenced { durable: self.durable_seq });
        }
        let delete_at = now.as_second() + LINGER_S;
        let replaced = self.segments.splice(from..=to, [merged]);
        self.retired.extend(replaced.map(|segment| Retired { path: segment.place.path().clone(), delete_at }));
        Ok(())
    }

    /// Retired blobs that may be deleted now.
    pub fn deletable(&self, now: Timestamp) -> Vec<BlobPath> {
        let due = self.retired.iter().filter(|retired| retired.delete_at <= now.as_second());
        due.map(|retired| retired.path.clone()).collect()
    }

    /// Forgets retired blobs that are deleted.
    pub fn forget(&mut self, deleted: &[BlobPath]) {
        self.retired.retain(|retired| !deleted.contains(&retired.path));
    }

    /// Whether a segment of the log lies at `path`.
    pub fn lists(&self, path: &BlobPath) -> bool {
        self.segments.iter().any(|segment| segment.place.path() == path)
    }

    /// Nothing but its segments is left of a closed log.
    pub fn swept(&mut self) {
        self.retired.clear();
        self.sweep_at = None;
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

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn segment(first: u64, last: u64) -> Segment {
        weighing(first, last, 1)
    }

    fn weighing(first: u64, last: u64, weight: u64) -> Segment {
        let path = format!("logs/{first}-{last}").parse().expect("a path");
        Segment { first: Seq::new(first), last: Seq::new(last), weight, place: Place::Blob { path } }
    }

    #[test]
    fn of_two_segments_at_one_place_one_is_kept() {
        let mut log = manifest();
        log.push(segment(1, 10)).expect("the first");
        let place = Place::Blob { path: "logs/1-10-of-another".parse().expect("a path") };
        let twin = Segment { place, ..segment(1, 10) };
        for wrong in [twin, segment(5, 20), segment(12, 20), segment(11, 10)] {
            assert_eq!(log.push(wrong), Err(ManifestError::Fenced { durable: Seq::new(10) }));
        }
        log.push(segment(11, 20)).expect("the next");
        assert_eq!(log.durable_seq(), Seq::new(20));
    }

    #[test]
    fn a_segment_that_is_listed_is_taken_again_without_a_change() {
        let mut log = manifest();
        log.push(segment(1, 10)).expect("the first");
        log.push(segment(11, 20)).expect("the second");
        log.close(Seq::new(20), at(0)).expect("closed");
        let before = log.clone();
        log.push(segment(1, 10)).expect("a repeated write");
        log.push(segment(11, 20)).expect("a repeated write");
        assert_eq!(log, before);
    }

    #[test]
    fn a_closed_log_takes_nothing_and_closes_again_only_where_it_ended() {
        let mut log = manifest();
        log.push(segment(1, 10)).expect("a segment");
        assert_eq!(log.close(Seq::new(11), at(0)), Err(ManifestError::Behind { durable: Seq::new(10) }));
        assert!(log.close(Seq::new(9), at(0)).is_err());
        log.close(Seq::new(10), at(0)).expect("closed");
        log.close(Seq::new(10), at(0)).expect("closed again");
        let closed = Err(ManifestError::Closed { last: Seq::new(10) });
        assert_eq!(log.push(segment(11, 12)), closed);
        assert_eq!(log.close(Seq::new(12), at(0)), closed);
    }

    #[test]
    fn an_empty_log_closes_at_zero() {
        let mut log = manifest();
        log.close(Seq::ZERO, at(0)).expect("closed");
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

    fn long(segments: u64, weight: u64) -> Manifest {
        let mut log = manifest();
        (1..=segments).for_each(|seq| log.push(weighing(seq, seq, weight)).expect("a segment"));
        log
    }

    #[test]
    fn only_many_segments_are_merged_and_only_up_to_a_size() {
        assert!(long(512, 1).mergeable().is_empty());
        assert_eq!(long(513, 1).mergeable().len(), 256);
        assert_eq!(long(513, 4 << 20).mergeable().len(), 8);
        assert!(long(513, 32 << 20).mergeable().is_empty());
        let mut log = long(513, 1);
        log.close(Seq::new(513), at(0)).expect("closed");
        assert!(log.mergeable().is_empty());
    }

    #[test]
    fn a_merge_keeps_the_records_and_retires_what_it_replaced() {
        let mut log = long(530, 4 << 20);
        let run = log.mergeable().to_vec();
        let merged = weighing(1, 8, 32 << 20);
        log.merge(merged.clone(), at(0)).expect("merged");
        assert_eq!(
            (log.durable_seq(), log.covering(Seq::new(5)).map(|segment| segment.last)),
            (Seq::new(530), Some(Seq::new(8)))
        );
        assert_eq!(log.covering(Seq::new(9)).map(|segment| segment.first), Some(Seq::new(9)));
        assert!(log.merge(merged, at(0)).is_err(), "merged twice");
        assert_eq!(log.mergeable().first().map(|segment| segment.first), Some(Seq::new(9)));
        let replaced: Vec<_> = run.iter().map(|segment| segment.place.path().clone()).collect();
        assert!(log.deletable(at(599)).is_empty());
        assert_eq!(log.deletable(at(600)), replaced);
        log.forget(&replaced);
        assert!(log.deletable(at(600)).is_empty());
    }
}
