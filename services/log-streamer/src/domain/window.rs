//! The window of one log at one replica: what was accepted and is not durable yet.
//!
//! ```text
//!   1 … durable | durable+1 … next-1 | next …
//!    segments   |  buffered here     |  not come yet
//! ```
//!
//! A crash loses the window and nothing else: nothing in it was acknowledged,
//! and the agent still has it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::domain::{Batch, Record, Seq};

/// A segment is cut at this weight of its records.
const SEGMENT_WEIGHT: usize = 4 << 20;
/// A replica buffers at most twice what an agent may have in flight (8 MiB), then lets it wait.
const FULL_WEIGHT: usize = 16 << 20;
/// How long a record waits for its segment while Redis has it too.
const CUT_AFTER: Duration = Duration::from_secs(30);
/// How long while Redis has it not: then only the agent could resend it.
const CUT_AFTER_WITHOUT_TAIL: Duration = Duration::from_secs(2);

/// What a replica holds of a log.
#[derive(Debug)]
pub struct Window {
    durable: Seq,
    buffered: VecDeque<Arc<Batch>>,
    weight: usize,
    /// When the oldest buffered batch came.
    since: Option<Instant>,
    /// Whether Redis lacks a part of what is buffered.
    without_tail: bool,
    closed: bool,
}

impl Window {
    /// An empty window after what is durable.
    pub const fn after(durable: Seq) -> Self {
        Self { durable, buffered: VecDeque::new(), weight: 0, since: None, without_tail: false, closed: false }
    }

    /// Everything up to here is durable.
    pub const fn durable(&self) -> Seq {
        self.durable
    }

    /// The next sequence that is wanted.
    pub fn next(&self) -> Seq {
        self.buffered.back().map_or(self.durable, |batch| batch.last()).next()
    }

    /// Whether the log is closed.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nothing waits for a segment.
    pub fn is_empty(&self) -> bool {
        self.buffered.is_empty()
    }

    /// Whether a batch has to wait for the next segment.
    pub const fn is_full(&self) -> bool {
        self.weight >= FULL_WEIGHT
    }

    /// Whether Redis lacks a part of what is buffered.
    pub const fn is_without_tail(&self) -> bool {
        self.without_tail
    }

    /// Takes a batch that starts at `next`; whether it did.
    pub fn push(&mut self, batch: Batch, now: Instant) -> bool {
        if self.closed || batch.first() != self.next() {
            return false;
        }
        self.weight += batch.weight();
        self.since.get_or_insert(now);
        self.buffered.push_back(Arc::new(batch));
        true
    }

    /// Notes that Redis did not take what came: it is tried again once all of it is durable.
    pub const fn lose_tail(&mut self) {
        self.without_tail = true;
    }

    /// When the next segment is to be cut; `None` while nothing waits.
    pub fn cut_at(&self) -> Option<Instant> {
        let since = self.since?;
        if self.weight >= SEGMENT_WEIGHT {
            return Some(since);
        }
        Some(since + if self.without_tail { CUT_AFTER_WITHOUT_TAIL } else { CUT_AFTER })
    }

    /// What the next segment is made of: the oldest batches, up to a segment's weight.
    pub fn draft(&self) -> Vec<Arc<Batch>> {
        let mut weight = 0;
        let fits = |batch: &&Arc<Batch>| {
            let room = weight < SEGMENT_WEIGHT;
            weight += batch.weight();
            room
        };
        self.buffered.iter().take_while(fits).cloned().collect()
    }

    /// Moves the durable end: what is below it needs no buffer.
    pub fn advance(&mut self, durable: Seq, now: Instant) {
        if durable <= self.durable {
            return;
        }
        self.durable = durable;
        while let Some(oldest) = self.buffered.front() {
            if oldest.first() > durable {
                break;
            }
            let rest = oldest.starting_at(durable.next());
            self.weight -= oldest.weight();
            self.buffered.pop_front();
            if let Some(rest) = rest {
                self.weight += rest.weight();
                self.buffered.push_front(Arc::new(rest));
            }
        }
        self.forget_detached();
        if self.buffered.is_empty() {
            self.since = None;
            self.without_tail = false;
        } else {
            self.since = Some(now);
        }
    }

    /// Ends the log here.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Buffered records from `seq` on, up to about `weight`; `None` where `seq` is not in the window.
    pub fn records_from(&self, seq: Seq, weight: usize) -> Option<Vec<Record>> {
        if seq <= self.durable || seq >= self.next() {
            return None;
        }
        let start = self.buffered.partition_point(|batch| batch.last() < seq);
        let mut taken = 0;
        let mut records = Vec::new();
        for batch in self.buffered.iter().skip(start) {
            for record in batch.records().iter().filter(|record| record.last() >= seq) {
                if taken >= weight {
                    return Some(records);
                }
                taken += record.weight();
                records.push(record.clone());
            }
        }
        Some(records)
    }

    /// Another replica may have ended a segment inside a gap record: what then
    /// no longer joins the durable end is dropped, and the agent sends it again.
    fn forget_detached(&mut self) {
        if self.buffered.front().is_some_and(|batch| batch.first() != self.durable.next()) {
            self.buffered.clear();
            self.weight = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::batch::tests::lines;

    fn seqs(window: &Window, from: u64) -> Option<Vec<u64>> {
        Some(window.records_from(Seq::new(from), usize::MAX)?.iter().map(|r| r.seq.get()).collect())
    }

    #[test]
    fn only_what_comes_next_is_taken() {
        let now = Instant::now();
        let mut window = Window::after(Seq::new(10));
        assert!(!window.push(lines(10, 12), now));
        assert!(!window.push(lines(12, 13), now));
        assert!(window.push(lines(11, 13), now));
        assert!(!window.push(lines(11, 13), now), "a resent batch was taken twice");
        assert_eq!(window.next(), Seq::new(14));
        window.close();
        assert!(!window.push(lines(14, 14), now), "a late line was taken");
    }

    #[test]
    fn the_durable_end_may_fall_anywhere() {
        let now = Instant::now();
        for (durable, left) in [(0, 1..7), (1, 2..7), (3, 4..7), (4, 5..7), (6, 7..7), (9, 7..7)] {
            let mut window = Window::after(Seq::ZERO);
            assert!(window.push(lines(1, 3), now) && window.push(lines(4, 6), now));
            window.advance(Seq::new(durable), now);
            let left: Vec<u64> = left.collect();
            assert_eq!(seqs(&window, durable + 1).unwrap_or_default(), left, "durable {durable}");
            assert_eq!(window.next(), Seq::new(durable.max(6) + 1));
            assert_eq!(window.is_empty(), left.is_empty());
            assert_eq!(window.weight == 0, left.is_empty());
        }
    }

    #[test]
    fn a_segment_is_cut_by_time_sooner_without_redis_and_by_weight_at_once() {
        let now = Instant::now();
        let mut window = Window::after(Seq::ZERO);
        assert_eq!(window.cut_at(), None);
        window.push(lines(1, 1), now);
        assert_eq!(window.cut_at(), Some(now + CUT_AFTER));
        window.lose_tail();
        assert_eq!(window.cut_at(), Some(now + CUT_AFTER_WITHOUT_TAIL));
        window.weight = SEGMENT_WEIGHT;
        assert_eq!(window.cut_at(), Some(now));
    }

    #[test]
    fn redis_is_tried_again_once_all_is_durable() {
        let now = Instant::now();
        let mut window = Window::after(Seq::ZERO);
        window.push(lines(1, 2), now);
        window.lose_tail();
        window.push(lines(3, 4), now);
        window.advance(Seq::new(2), now);
        assert!(window.is_without_tail());
        window.advance(Seq::new(4), now);
        assert!(!window.is_without_tail());
        assert_eq!(window.cut_at(), None);
    }

    #[test]
    fn readers_get_what_is_buffered_and_no_more() {
        let now = Instant::now();
        let mut window = Window::after(Seq::new(10));
        window.push(lines(11, 13), now);
        window.push(lines(14, 15), now);
        assert_eq!(seqs(&window, 10), None);
        assert_eq!(seqs(&window, 12), Some(vec![12, 13, 14, 15]));
        assert_eq!(seqs(&window, 15), Some(vec![15]));
        assert_eq!(seqs(&window, 16), None);
        assert_eq!(window.records_from(Seq::new(11), 1).map(|r| r.len()), Some(1));
    }
}
