//! Consecutive records: the unit that is appended.

use katonic_domain::Timestamp;

use crate::domain::{Content, GapReason, Record, Seq};

/// Why records are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// There is no record in it.
    #[error("it holds no record")]
    Empty,
    /// A record does not follow the one before it.
    #[error("record {found} comes where {expected} must follow")]
    NotConsecutive {
        /// What must follow.
        expected: Seq,
        /// What came.
        found: Seq,
    },
    /// A gap ends before it starts.
    #[error("the gap at {0} ends before it starts")]
    BackwardGap(Seq),
    /// A record is numbered beyond what is exact everywhere.
    #[error("record {0} is beyond {max}", max = Seq::MAX)]
    TooFar(Seq),
}

/// At least one record, each following the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Record>,
    weight: usize,
}

impl Batch {
    /// Checks that the records are consecutive.
    pub fn try_new(records: Vec<Record>) -> Result<Self, BatchError> {
        let mut expected = records.first().ok_or(BatchError::Empty)?.seq;
        if expected == Seq::ZERO {
            return Err(BatchError::NotConsecutive { expected: Seq::FIRST, found: Seq::ZERO });
        }
        for record in &records {
            if record.seq != expected {
                return Err(BatchError::NotConsecutive { expected, found: record.seq });
            }
            if record.last() < record.seq {
                return Err(BatchError::BackwardGap(record.seq));
            }
            if record.last() > Seq::MAX {
                return Err(BatchError::TooFar(record.last()));
            }
            expected = record.last().next();
        }
        let weight = records.iter().map(Record::weight).sum();
        Ok(Self { records, weight })
    }

    /// An open gap: whatever came from `seq` on is lost.
    pub fn lost_at(seq: Seq, now: Timestamp) -> Self {
        let record = Record { seq, time: now, content: Content::Gap { to: None, reason: GapReason::Lost } };
        Self { weight: record.weight(), records: vec![record] }
    }

    /// The first sequence.
    pub fn first(&self) -> Seq {
        self.records.first().map_or(Seq::ZERO, |record| record.seq)
    }

    /// The last sequence.
    pub fn last(&self) -> Seq {
        self.records.last().map_or(Seq::ZERO, Record::last)
    }

    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// About how many bytes it takes.
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// The part of it that starts at `seq`, where a record starts there.
    pub fn starting_at(&self, seq: Seq) -> Option<Self> {
        let start = self.records.iter().position(|record| record.seq == seq)?;
        Self::try_new(self.records[start..].to_vec()).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use katonic_domain::Timestamp;

    use super::*;
    use crate::domain::{Content, GapReason, Stream};

    /// A line that says its own number.
    pub(crate) fn line(seq: u64) -> Record {
        let data = Bytes::from(format!("line {seq}"));
        let content = Content::Line { stream: Stream::Stdout, data, continued: false };
        Record { seq: Seq::new(seq), time: Timestamp::UNIX_EPOCH, content }
    }

    pub(crate) fn gap(seq: u64, to: Option<u64>) -> Record {
        let content = Content::Gap { to: to.map(Seq::new), reason: GapReason::SpoolFull };
        Record { seq: Seq::new(seq), time: Timestamp::UNIX_EPOCH, content }
    }

    pub(crate) fn lines(first: u64, last: u64) -> Batch {
        Batch::try_new((first..=last).map(line).collect()).expect("consecutive")
    }

    #[test]
    fn records_follow_one_another_and_gaps_span() {
        let batch = Batch::try_new(vec![line(1), gap(2, Some(9)), line(10)]).expect("consecutive");
        assert_eq!((batch.first(), batch.last()), (Seq::new(1), Seq::new(10)));
        assert_eq!(Batch::try_new(vec![]), Err(BatchError::Empty));
        assert!(Batch::try_new(vec![line(0)]).is_err());
        assert!(Batch::try_new(vec![line(1), line(1)]).is_err());
        assert!(Batch::try_new(vec![line(1), line(3)]).is_err());
        assert!(Batch::try_new(vec![gap(2, Some(9)), line(3)]).is_err());
        assert_eq!(Batch::try_new(vec![gap(5, Some(4))]), Err(BatchError::BackwardGap(Seq::new(5))));
        let far = Seq::MAX.next();
        assert_eq!(Batch::try_new(vec![gap(5, Some(far.get()))]), Err(BatchError::TooFar(far)));
    }

    #[test]
    fn a_part_starts_only_where_a_record_does() {
        let batch = Batch::try_new(vec![line(1), gap(2, Some(9)), line(10)]).expect("consecutive");
        assert_eq!(batch.starting_at(Seq::new(2)).map(|b| b.first()), Some(Seq::new(2)));
        assert_eq!(batch.starting_at(Seq::new(5)), None);
        assert_eq!(batch.starting_at(Seq::new(11)), None);
    }
}
