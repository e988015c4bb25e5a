//! What one member used, as its agent measured it: a record beside the member,
//! so that it makes no list and no event longer.

use katonic_domain::{MemberId, Timestamp, usage::Series};
use serde::{Deserialize, Serialize};

/// What its document holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metered {
    /// The member.
    pub member: MemberId,
    /// When its user code started: where the series begins.
    pub started_at: Timestamp,
    /// What it used.
    pub series: Series,
}

impl Metered {
    /// Takes what was said later. Answers whether that was news.
    pub fn advance(&mut self, said: &Self) -> bool {
        let news = said.series.sequence() > self.series.sequence();
        if news {
            self.clone_from(said);
        }
        news
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use katonic_domain::usage::Sample;

    use super::*;
    use crate::domain::{
        execution::tests::{at, running},
        member::tests::member_of,
    };

    /// A member that was sampled so often: each time 5 s of a core, and that many GiB.
    pub(crate) fn metered(samples: u64, gib: u64) -> Metered {
        let mut series = Series::default();
        for number in 1..=samples {
            let at_ms = number * 5_000;
            series.take(&Sample { at_ms, cpu_ms: at_ms, memory_bytes: gib << 30, processes: 1, ..Sample::default() });
        }
        Metered { member: member_of(&running()).id, started_at: at(2), series }
    }

    #[test]
    fn only_what_was_said_later_is_taken() {
        let mut known = metered(2, 1);
        assert!(!known.advance(&metered(1, 9)) && !known.advance(&metered(2, 9)));
        assert!(known.advance(&metered(3, 1)));
        assert_eq!(known.series.sequence(), 3);
    }
}
