//! What was sent and is not yet durable: at most 8 MiB (L3). Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use katonic_member::spool::Seq;

/// More may not be on its way.
pub const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// So long without news of what is on its way, and it is sent again.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// One stream's state, from its first answer on.
#[derive(Debug)]
pub struct Window {
    /// Last sequence and bytes of each message.
    sent: VecDeque<(u64, usize)>,
    bytes: usize,
    expected: u64,
    durable: u64,
    next: u64,
    news: Instant,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Fine,
    /// A message was refused: everything from `expected` is sent again, on a new stream.
    Refused,
}

impl Window {
    /// After the first answer: the log goes on at `expected`.
    pub fn new(expected: u64, durable: u64, now: Instant) -> Self {
        Self { sent: VecDeque::new(), bytes: 0, expected, durable, next: expected, news: now }
    }

    /// Whether another message may be sent.
    pub const fn has_room(&self) -> bool {
        self.bytes < WINDOW_BYTES
    }

    /// A message was sent.
    pub fn sent(&mut self, last: Seq, bytes: usize, now: Instant) {
        if self.sent.is_empty() {
            self.news = now;
        }
        self.sent.push_back((last.get(), bytes));
        self.bytes += bytes;
        self.next = last.get() + 1;
    }

    /// An answer came.
    ///
    /// Each message is answered once, in order; an answer beside those comes
    /// only when more is durable. One that moves neither is a refusal.
    pub fn answered(&mut self, expected: u64, durable: u64, now: Instant) -> Verdict {
        if expected > self.next || (expected <= self.expected && durable <= self.durable) {
            return Verdict::Refused;
        }
        self.expected = self.expected.max(expected);
        self.durable = self.durable.max(durable);
        self.news = now;
        while let Some((last, bytes)) = self.sent.front().copied()
            && last <= self.durable
        {
            self.sent.pop_front();
            self.bytes -= bytes;
        }
        Verdict::Fine
    }

    /// Whether what is on its way must be given up.
    pub fn is_stuck(&self, now: Instant) -> bool {
        !self.sent.is_empty() && now.saturating_duration_since(self.news) >= PATIENCE
    }

    /// Everything up to here is durable; 0 means nothing.
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// The next sequence that is wanted.
    pub const fn expected(&self) -> u64 {
        self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).expect("not 0")
    }

    #[test]
    fn the_window_closes_at_its_size_and_opens_with_what_is_durable() {
        let now = Instant::now();
        let mut window = Window::new(1, 0, now);
        window.sent(seq(10), WINDOW_BYTES - 1, now);
        assert!(window.has_room());
        window.sent(seq(20), 1, now);
        assert!(!window.has_room());
        assert_eq!(window.answered(11, 0, now), Verdict::Fine);
        assert!(!window.has_room(), "accepted is not durable");
        assert_eq!(window.answered(21, 10, now), Verdict::Fine);
        assert!(window.has_room());
        assert_eq!((window.expected(), window.durable()), (21, 10));
    }

    #[test]
    fn an_answer_that_moves_nothing_is_a_refusal() {
        let now = Instant::now();
        let mut window = Window::new(5, 4, now);
        window.sent(seq(9), 100, now);
        assert_eq!(window.answered(5, 4, now), Verdict::Refused);
        let mut window = Window::new(5, 0, now);
        assert_eq!(window.answered(5, 4, now), Verdict::Fine, "more is durable");
        assert_eq!(window.answered(7, 4, now), Verdict::Refused, "never sent");
    }

    #[test]
    fn silence_counts_only_while_something_is_on_its_way() {
        let now = Instant::now();
        let mut window = Window::new(1, 0, now);
        let later = now + PATIENCE;
        assert!(!window.is_stuck(later));
        window.sent(seq(1), 1, later);
        assert!(!window.is_stuck(later));
        assert!(window.is_stuck(later + PATIENCE));
        assert_eq!(window.answered(2, 1, later + PATIENCE), Verdict::Fine);
        assert!(!window.is_stuck(later + 9 * PATIENCE));
    }
}
